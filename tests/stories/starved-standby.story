# Rule 8, pain 14: what a starved standby is woken too late for is not the peer's silence
pair interval=1s takeover_after=3s

at 20 s  freeze beta for 2.8 s
at 30 s  freeze beta for 12 s
from 5 s to 80 s  expect alpha holds web
at 80 s  expect not told beta: takeover
never two holders
