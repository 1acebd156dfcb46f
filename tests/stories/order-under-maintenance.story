# Rule 10: a handover under maintenance that the other cannot finish ends where it began, with the reason
pair interval=1s takeover_after=3s

at 20 s  maintenance alpha
at 21 s  acquire fails on beta
at 22 s  handover web to beta asked on alpha
by 25 s  expect alpha answered no
by 30 s  expect alpha holds web
at 30 s  addresses are well on beta
from 30 s to 300 s  expect alpha holds web
at 300 s  handover web to beta asked on alpha
at 310 s  expect alpha answered yes
at 310 s  expect beta holds web
never two holders
