# Pain 22: failback = "auto": the preferred node gets it back after failback_after of steady health, and no sooner
pair interval=1s takeover_after=3s
group web preferred=alpha failback_after=30s
hosts boot=5s..5s

at 20 s  power off alpha
by 24 s  expect beta holds web
at 40 s  power on alpha
from 24 s to 74 s  expect beta holds web
by 90 s  expect alpha holds web
never two holders
