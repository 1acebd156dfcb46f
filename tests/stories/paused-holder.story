# Rule 8, pain 14: a virtual machine that stands still for less than takeover_after, again and again, moves nothing
pair interval=1s takeover_after=3s

at 20 s  pause alpha for 1.5 s
at 30 s  pause beta for 10 s
at 50 s  pause alpha for 1.8 s
from 5 s to 19.9 s  expect alpha holds web
at 70 s  expect alpha holds web
at 70 s  expect epoch of web is 1
never two holders
