# Rule 1, pain 25: a killed engine's address leaves by the kernel's hand, and the peer takes it after that
pair interval=1s takeover_after=3s

at 20 s  kill alpha
by 22.9 s  expect nobody holds web
by 24 s  expect beta holds web
at 24 s  expect told beta: takeover
at 24 s  expect neighbours believe beta has web
never two holders
