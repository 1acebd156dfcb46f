# Pain 22: failback = "auto" does not undo what an administrator wanted, until the preferred node has been away
pair interval=1s takeover_after=3s
group web preferred=alpha failback_after=8s
hosts boot=5s..5s

at 30 s  handover web to beta
at 31 s  expect beta answered yes
from 31 s to 120 s  expect beta holds web
at 120 s  power off alpha
at 130 s  power on alpha
from 31 s to 142 s  expect beta holds web
by 160 s  expect alpha holds web
never two holders
