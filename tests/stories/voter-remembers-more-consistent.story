# Rule 4: and so does a node that boots alone, under consistent
pair interval=1s takeover_after=3s consistent=yes first_claim_after=10s
hosts boot=5s..5s
witness that votes

at 20 s  handover web to beta
at 30 s  handover web to alpha
at 40 s  power off alpha losing its disk
at 40 s  power off beta losing its disk
at 50 s  power on alpha
by 75 s  expect alpha holds web
from 75 s to 200 s  expect alpha holds web
never two holders
