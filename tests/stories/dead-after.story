# Rule 3: with dead_after a power cut is noticed by asking, long before takeover_after
pair interval=1s takeover_after=3s dead_after=1.3s

at 20.5 s  power off alpha
by 22.2 s  expect beta holds web
never two holders
