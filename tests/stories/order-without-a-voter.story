# Rule 4: an order that nobody can grant ends: the peer is dead, the voter is lost, and the answer says so
pair interval=1s takeover_after=3s consistent=yes first_claim_after=never off=alpha
group web phase_timeout=2s
witness that votes

at 0.1 s  the voter is lost
at 20 s  handover web to beta
by 50 s  expect beta answered no
at 50 s  expect nobody holds web
at 60 s  the voter is well
at 61 s  handover web to beta
by 66 s  expect beta holds web
at 70 s  expect beta answered yes
never two holders
