# Rule 11: what the wire said while it was cut is not believed of an address that the home node has only now to take off
pair interval=200ms takeover_after=1.5s
group own preferred=alpha home=alpha
seed 860830

at 1.612 s  handover own to beta
at 1.793 s  cut everything
at 2.091 s  heal everything
ends at 20 s
never two holders
