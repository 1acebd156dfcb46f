# Pain 3: beta hears alpha and alpha does not hear beta: people are told that the link is one-way, nothing moves
pair interval=1s takeover_after=3s

at 20 s  filter heartbeats on public from beta
from 5 s to 60 s  expect alpha holds web
at 40 s  expect told beta: anomaly "one-way" 1 time
never two holders
