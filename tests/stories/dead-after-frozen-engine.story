# Rule 3: with dead_after a frozen engine is not taken for a dead host: its kernel still answers
pair interval=1s takeover_after=3s dead_after=1.3s

at 20.5 s  freeze alpha for 1.9 s
from 5 s to 21.9 s  expect alpha holds web
at 40 s  freeze alpha for 20 s
by 44.5 s  expect beta holds web
never two holders
