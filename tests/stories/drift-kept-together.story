# Drift: one node keeps two groups together and the other does not yet: what it means nobody else does, and nothing moves
pair interval=1s takeover_after=3s
group web members=web:192.0.2.100
group db members=db:192.0.2.101
other group web members=web:192.0.2.100;db:192.0.2.101

at 20 s  the other configuration lies on beta
at 20 s  restart beta
by 22 s  expect told beta: drift
at 30 s  handover web to beta asked on alpha
at 31 s  expect alpha answered no "beta does not know web as it is here"
from 22 s to 60 s  expect alpha holds web
from 22 s to 60 s  expect alpha holds db
at 60 s  the other configuration lies on alpha
at 60 s  restart alpha
by 64 s  expect told beta: recovered "same configuration"
at 70 s  handover web to beta asked on alpha
at 80 s  expect beta holds web
at 80 s  expect beta holds db
never two holders
