# Rule 4: on_partition = "consistent": with neither peer nor vote a holder lets go and a standby stays put
pair interval=1s takeover_after=3s consistent=yes
witness that votes

at 20 s  the voter is lost
at 25 s  cut everything
by 31 s  expect nobody holds web
from 31 s to 60 s  expect nobody holds web
at 60 s  the voter is well
by 70 s  expect alpha holds web
never two holders
