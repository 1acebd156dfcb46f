# Rule 7: both boot at once: the preferred one claims, once
pair interval=1s takeover_after=3s off=alpha,beta
hosts boot=5s..5s

at 1 s  power on alpha
at 1 s  power on beta
by 11 s  expect alpha holds web
at 30 s  expect epoch of web is 1
at 30 s  expect phases of web on beta: none
never two holders
