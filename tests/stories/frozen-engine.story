# Rule 1, pain 25: a frozen engine that is thawed puts no address back
pair interval=1s takeover_after=3s

at 20 s  freeze alpha for 20 s
by 24 s  expect beta holds web
from 24 s to 60 s  expect beta holds web
at 60 s  expect alpha is standby for web
at 60 s  expect epoch of web is 2
never two holders
