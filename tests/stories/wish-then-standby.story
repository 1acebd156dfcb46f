# Rule 10: a node that asks for a group and is set aside before it is heard answers that order, and takes the next one
pair interval=1s takeover_after=3s

at 20 s  cut public from beta
at 20 s  cut private from beta
at 20.1 s  handover web to beta
at 20.2 s  standby beta
at 20.5 s  heal everything
by 24 s  expect beta is outcast for web
at 60 s  resume beta
at 100 s  handover web to beta
at 110 s  expect beta answered yes
at 110 s  expect beta holds web
never two holders
