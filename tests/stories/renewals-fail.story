# Rule 1, pain 1: a holder that cannot renew its lease does not go on as if it held
pair interval=1s takeover_after=3s

at 20 s  renew fails on alpha
from 10 s to 20 s  expect alpha holds web
from 28 s to 80 s  expect beta holds web
at 80 s  expect told alpha: release "lease"
never two holders
