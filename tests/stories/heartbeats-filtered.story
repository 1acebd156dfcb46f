# Rule 3, pain 2: heartbeats are filtered on both hosts while both live: the wire still answers, so nothing moves
pair interval=1s takeover_after=3s

at 20 s  filter heartbeats on everything
from 5 s to 60 s  expect alpha holds web
by 30 s  expect told beta: contested
at 60 s  expect told beta: contested 1 time
at 60 s  heal everything
by 65 s  expect told beta: recovered
never two holders
