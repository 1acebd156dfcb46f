# Pain 16: a wall clock that is set forwards moves nothing, nor do steady clocks that differ by days
pair interval=1s takeover_after=3s
clock of alpha at=10s ppm=200
clock of beta at=900000s ppm=-200

at 20 s  wall clock of beta jumps by 1 h
at 30 s  wall clock of alpha jumps by 1 h
from 5 s to 120 s  expect alpha holds web
never two holders
