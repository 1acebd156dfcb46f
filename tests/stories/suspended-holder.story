# Rule 8, pain 14: a holder that slept believes nothing that it knew: it lets go and does not fight
pair interval=1s takeover_after=3s

at 20 s  suspend alpha for 60 s
by 25 s  expect beta holds web
by 82.2 s  expect beta holds web
from 83 s to 110 s  expect beta holds web
at 110 s  expect alpha is standby for web
never two holders for more than 2 s
