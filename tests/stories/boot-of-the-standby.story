# Rule 7, pain 23: a standby that boots is never holder for a moment, and runs no phase
pair interval=1s takeover_after=3s off=beta

at 10 s  power on beta
from 5 s to 60 s  expect alpha holds web
at 60 s  expect phases of web on beta: none
at 60 s  expect not told beta: takeover
never two holders
