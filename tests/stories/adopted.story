# Rule 1, pain 27: an engine that is killed and started again within its lease keeps address, epoch and clients
pair interval=1s takeover_after=3s

at 20 s  kill alpha
at 20.1 s  start alpha
from 5 s to 40 s  expect alpha holds web
at 40 s  expect epoch of web is 1
at 40 s  expect phases of web on alpha: test pre_acq post_acq
at 40 s  expect not told beta: takeover
never two holders
