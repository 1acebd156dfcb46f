# Rule 4, pain 45: the voter is lost while the peer is well: nothing moves, nobody lets go, people are told
pair interval=1s takeover_after=3s consistent=yes
witness that votes

at 20 s  the voter is lost
from 5 s to 120 s  expect alpha holds web
at 30 s  expect told alpha: anomaly "voter"
at 120 s  the voter is well
by 130 s  expect told alpha: recovered "voter"
never two holders
