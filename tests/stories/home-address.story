# Rule 11: a home node that boots while its peer has its address gives it way, and gets it back by a failback
pair interval=1s takeover_after=3s
group own preferred=alpha home=alpha

at 20 s  power off alpha
by 24 s  expect beta holds own
at 40 s  power on alpha
by 56 s  expect beta holds own
from 56 s to 70 s  expect beta holds own
at 70 s  expect told alpha: release "own address"
at 80 s  failback own to alpha
by 81 s  expect alpha holds own
at 90 s  expect told alpha: failback
