# Rule 4: nothing of beta's gets through, so an alpha that is started anew cannot prove itself: a full partition, and ping can only deny
pair interval=1s takeover_after=3s consistent=yes
witness that denies

at 20 s  filter arp on everything from beta
at 20 s  filter heartbeats on everything from beta
at 20.1 s  kill alpha
at 20.2 s  start alpha
from 5 s to 20 s  expect alpha holds web
at 60 s  all is well
from 63 s to 80 s  expect beta holds web
at 70 s  expect told alpha: split 1 time
at 70 s  expect told beta: split 1 time
