# Pain 22: nor what he wanted, when it had to be let go there for a moment and nobody else took it
pair interval=1s takeover_after=3s
group web preferred=alpha failback_after=10s

at 10 s  maintenance alpha
at 15 s  handover web to beta
at 16 s  expect beta answered yes
at 16.1 s  carrier lost on beta
at 16.3 s  carrier back on beta
at 18 s  resume alpha
from 19 s to 90 s  expect beta holds web
never two holders
