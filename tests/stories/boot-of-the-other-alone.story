# Rule 7: the node that is not preferred, alone and having never heard its peer, waits for first_claim_after
pair interval=1s takeover_after=3s first_claim_after=60s off=alpha

from 0 s to 59 s  expect nobody holds web
by 62 s  expect beta holds web
at 70 s  power on alpha
from 62 s to 110 s  expect beta holds web
at 110 s  expect phases of web on alpha: none
never two holders
