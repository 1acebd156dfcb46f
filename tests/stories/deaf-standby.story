# Pain 3: beta hears nothing at all, alpha hears beta: the wire answers for alpha, so beta takes nothing unless alpha gives
pair interval=1s takeover_after=3s

at 20 s  filter heartbeats on everything from alpha
at 60 s  heal everything
by 70 s  expect alpha is holder for web
never two holders
