# Pain 26: taken off again and again it is put back a bounded number of times, then given to the peer, loudly
pair interval=1s takeover_after=3s

at 20 s  remove web from alpha
at 22 s  remove web from alpha
at 24 s  remove web from alpha
at 26 s  remove web from alpha
at 28 s  remove web from alpha
at 30 s  remove web from alpha
by 40 s  expect beta holds web
at 40 s  expect told alpha: release
from 40 s to 60 s  expect beta holds web
never two holders
