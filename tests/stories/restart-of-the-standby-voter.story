# Rule 4: the same with a voter that only the standby reaches: no vote is prolonged, and the holder lets go
pair interval=1s takeover_after=3s consistent=yes
group web preferred=beta
witness that votes

at 20 s  handover web to alpha
at 30 s  restart beta
at 30.4 s  cut everything
at 30.4 s  no voter reaches alpha
by 33.5 s  expect nobody holds web
by 40 s  expect beta holds web
at 60 s  heal everything
from 45 s to 70 s  expect beta holds web
never two holders
