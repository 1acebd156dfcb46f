# Rule 8: what went while its engine was frozen is not put back on the word of a heartbeat that waited in the socket
pair dead_after=1.3s
group g0 preferred=beta failback_after=3s phase_timeout=2s announce_every=20s per=60s
hosts delay=5ms..60ms boot=2s..6s
seed 916285

at 5.005 s  restart beta
at 23.103 s  handover g0 to alpha
at 34.6 s  freeze alpha for 2.176s
at 34.867 s  filter arp on everything from alpha
at 35.066 s  filter heartbeats on everything from beta
at 40 s  all is well
ends at 60 s
