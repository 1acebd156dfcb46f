# Pain 26: an address that somebody else takes off is missed with the next heartbeat and put back
pair interval=1s takeover_after=3s

at 20 s  remove web from alpha
by 21.5 s  expect alpha holds web
at 30 s  expect told alpha: anomaly "took"
at 60 s  expect alpha holds web
at 60 s  expect epoch of web is 1
never two holders
