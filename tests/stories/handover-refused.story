# Pain 24: a handover that cannot finish ends where it began, hooks balanced, with the reason
pair interval=1s takeover_after=3s

at 10 s  pre_acq of web vetoes on beta
at 20 s  handover web to beta
from 5 s to 60 s  expect alpha holds web
at 30 s  expect beta answered no "pre_acq"
at 60 s  expect phases of web on beta: test pre_acq post_rel
never two holders
