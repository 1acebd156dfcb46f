# Pain 15: workers that stall, and phases that take long, cost no heartbeat: nothing moves
pair interval=1s takeover_after=3s
group web preferred=alpha phase_timeout=30s

at 1 s  post_acq of web takes 25 s on alpha
at 20 s  freeze the addresses worker of beta for 8 s
at 30 s  addresses are slow on alpha by 200 ms
from 5 s to 60 s  expect alpha holds web
at 60 s  expect not told beta: takeover
never two holders
