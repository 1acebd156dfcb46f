# Pain 24: a planned handover: test and pre_acq run before the address goes, and the one who asked is answered
pair interval=1s takeover_after=3s

at 20 s  handover web to beta
by 20.5 s  expect beta holds web
at 25 s  expect beta answered yes
at 25 s  expect phases of web on beta: test pre_acq post_acq
at 25 s  expect phases of web on alpha: test pre_acq post_acq test pre_rel post_rel
at 25 s  expect told beta: handover
never two holders
