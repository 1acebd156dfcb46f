# Pain 24: a seamless handover: at no instant does nobody have the address, and both have it for a moment only
pair interval=1s takeover_after=3s
group web preferred=alpha handover=seamless

at 20 s  handover web to beta
by 21 s  expect beta holds web
at 25 s  expect beta answered yes
never two holders for more than 500 ms
