# Rule 4: both hosts are set up anew and the voter still knows their epochs: the pair claims above them, and goes on
pair interval=1s takeover_after=3s
hosts boot=5s..5s
witness that votes

at 20 s  handover web to beta
at 30 s  handover web to alpha
at 40 s  power off alpha losing its disk
at 40 s  power off beta losing its disk
at 50 s  power on alpha
at 50 s  power on beta
by 65 s  expect alpha holds web
at 80 s  power off beta
from 65 s to 200 s  expect alpha holds web
never two holders
