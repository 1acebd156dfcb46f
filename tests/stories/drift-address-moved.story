# Drift: an address goes from one group to another on one node alone: where the other has it on, it is not put on
pair interval=1s takeover_after=3s
group web members=web:192.0.2.100
group db preferred=beta members=db:192.0.2.101
other group web members=web:192.0.2.100,192.0.2.101

at 20 s  the other configuration lies on alpha
at 20 s  restart alpha
from 5 s to 60 s  expect beta holds db
at 60 s  expect told alpha: drift
never two holders
