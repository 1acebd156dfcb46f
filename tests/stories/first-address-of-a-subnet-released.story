# Pain 28: the kernel drops a subnet's other addresses with its first: another group's is put back, and stays
pair interval=1s takeover_after=3s
group web preferred=alpha
group db preferred=alpha

at 20 s  handover web to beta
at 20.3 s  remove db from alpha
by 22 s  expect alpha holds db
by 22 s  expect beta holds web
from 22 s to 60 s  expect alpha holds db
from 22 s to 60 s  expect beta holds web
at 60 s  expect epoch of db is 1
at 60 s  expect told alpha: anomaly "took"
never two holders
