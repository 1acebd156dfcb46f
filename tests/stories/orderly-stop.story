# Rule 10: an orderly stop hands over to a healthy peer and then ends
pair interval=1s takeover_after=3s

at 20 s  stop alpha
by 21 s  expect beta holds web
by 24 s  expect alpha does not run
at 30 s  expect phases of web on alpha: test pre_acq post_acq pre_rel post_rel
at 30 s  expect told beta: handover
at 30 s  expect not told beta: takeover
never two holders
