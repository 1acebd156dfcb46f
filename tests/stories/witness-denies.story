# Rule 4: who reaches no witness is the isolated one, and takes nothing
pair interval=1s takeover_after=3s
witness that denies

at 19 s  no witness reaches beta
at 20 s  cut everything
from 5 s to 60 s  expect alpha holds web
at 40 s  expect beta is isolated to hold web
at 60 s  heal everything
at 60 s  witnesses reach beta
at 70 s  expect alpha holds web
never two holders
