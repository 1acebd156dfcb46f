# Pain 22: failback = "manual": whoever comes back takes nothing; an administrator brings it back
pair interval=1s takeover_after=3s

at 20 s  power off alpha
by 24 s  expect beta holds web
at 40 s  power on alpha
from 24 s to 200 s  expect beta holds web
at 200 s  failback web to alpha
by 201 s  expect alpha holds web
at 205 s  expect alpha answered yes
at 205 s  expect told alpha: failback
never two holders
