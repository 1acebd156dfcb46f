# Rule 2, pain 1: a cut link moves nothing while another carries the pair, and people are told which one it is
pair interval=1s takeover_after=3s

at 20 s  cut public
from 5 s to 60 s  expect alpha holds web
at 30 s  expect told alpha: anomaly "link public" 1 time
at 30 s  expect told beta: anomaly "link public" 1 time
at 40 s  heal public
by 44 s  expect told beta: recovered "link public"
never two holders
ends at 60 s
