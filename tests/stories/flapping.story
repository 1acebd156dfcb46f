# Rule 9, pain 17: a check that turns on both nodes in turn moves the group so often and no oftener, and people are told
pair interval=1s takeover_after=3s
group web preferred=alpha phases=no max_moves=3 per=10min

at 20 s  checks of web fail on alpha
at 30 s  checks of web pass on alpha
at 30 s  checks of web fail on beta
at 40 s  checks of web pass on beta
at 40 s  checks of web fail on alpha
at 50 s  checks of web pass on alpha
at 50 s  checks of web fail on beta
at 60 s  checks of web pass on beta
at 60 s  checks of web fail on alpha
at 70 s  checks of web pass on alpha
at 25 s  expect beta holds web
at 35 s  expect alpha holds web
at 45 s  expect beta holds web
from 45 s to 100 s  expect beta holds web
at 100 s  expect beta is frozen to hold web
at 110 s  resume beta
at 115 s  expect beta is able to hold web
never two holders
