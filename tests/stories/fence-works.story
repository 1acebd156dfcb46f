# Rule 5: the peer is switched off before what it had is taken
pair interval=1s takeover_after=3s
fence timeout=10s delay=0s

at 20 s  cut everything
by 28 s  expect beta holds web
at 28 s  expect alpha does not run
never two holders
