# Pain 13: a group of IPv4 and IPv6 addresses moves as one, in the time of one, and the neighbours are told at once
pair interval=1s takeover_after=3s

at 20 s  power off alpha
by 23.8 s  expect beta holds web
by 23.9 s  expect neighbours believe beta has web
never two holders
