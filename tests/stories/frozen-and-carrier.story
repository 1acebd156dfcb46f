# Rule 9: a group that is frozen stays where it is: who had to drop it takes it back, since that is no move
pair interval=1s takeover_after=3s
group web phases=no max_moves=3 per=10min

at 20 s  carrier lost on alpha
at 30 s  carrier back on alpha
at 40 s  carrier lost on beta
at 50 s  carrier back on beta
at 60 s  carrier lost on alpha
at 70 s  carrier back on alpha
at 75 s  expect beta holds web
at 80 s  carrier lost on beta
at 84 s  expect nobody holds web
at 85 s  carrier back on beta
by 93 s  expect beta holds web
from 93 s to 200 s  expect beta holds web
never two holders
