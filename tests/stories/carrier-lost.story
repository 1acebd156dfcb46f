# Rule 2: whose interface has no carrier neither holds the group nor claims it
pair interval=1s takeover_after=3s

at 20 s  carrier lost on alpha
by 21 s  expect beta holds web
at 21 s  expect told alpha: release "carrier"
at 30 s  expect alpha is carrier to hold web
at 40 s  carrier back on alpha
from 21 s to 60 s  expect beta holds web
never two holders
