# Rule 3: a third host answers for the address: it is not taken, and people are told who it is
pair interval=1s takeover_after=3s

at 19 s  a third host answers for web
at 20 s  power off alpha
by 28 s  expect told beta: contested
from 23 s to 39.9 s  expect nobody holds web
at 40 s  no third host answers for web
by 42 s  expect beta holds web
