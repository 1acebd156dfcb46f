# Rule 4: in a full partition one of the two at most has the vote, whatever the policy
pair interval=1s takeover_after=3s consistent=yes
witness that votes

at 20 s  cut everything
from 5 s to 60 s  expect alpha holds web
at 60 s  heal everything
never two holders
