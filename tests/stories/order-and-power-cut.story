# Rule 10: who was to take it under maintenance dies between release and acquire: who had it last takes it back
pair interval=1s takeover_after=3s
group web phases=no

at 20 s  maintenance alpha
at 22 s  kill beta before its next acquire
at 22.1 s  handover web to beta asked on alpha
by 22.3 s  expect nobody holds web
by 28 s  expect alpha holds web
at 30 s  expect alpha answered no
from 30 s to 300 s  expect alpha holds web
never two holders
