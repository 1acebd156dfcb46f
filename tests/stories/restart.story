# Rule 10, pain 27: a restart keeps the address: the peer is told, and waits
pair interval=1s takeover_after=3s

at 20 s  restart alpha
from 5 s to 60 s  expect alpha holds web
at 60 s  expect epoch of web is 1
at 60 s  expect phases of web on alpha: test pre_acq post_acq
at 60 s  expect phases of web on beta: none
never two holders
