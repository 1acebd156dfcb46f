# Pain 22: nor what he wanted of a group that nobody had just then
pair interval=500ms takeover_after=2.5s dead_after=800ms
group web preferred=beta failback_after=10s

at 4 s  maintenance alpha
at 7.556 s  kill beta
at 10.437 s  start beta
at 15.203 s  handover web to alpha asked on alpha
at 17 s  resume alpha
from 17 s to 100 s  expect alpha holds web
never two holders
