# Rule 4: a vote that comes when the group was let go is none: of two isolated nodes one at most has it
pair interval=200ms takeover_after=1.5s consistent=yes
group web phases=no
witness that votes

at 10 s  the voter answers 250ms late
at 12 s  handover web to beta
at 12.11 s  cut everything
from 13 s to 20 s  expect beta holds web
at 20 s  heal everything
never two holders
