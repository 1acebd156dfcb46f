# Rule 5: a fence that fails stops the takeover, and people are told
pair interval=1s takeover_after=3s
fence timeout=10s delay=0s

at 10 s  the fence of beta fails
at 20 s  cut everything
from 5 s to 60 s  expect alpha holds web
by 40 s  expect told beta: failure "fenced"
at 60 s  heal everything
never two holders
