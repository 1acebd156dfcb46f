# Rule 6, pain 7: after a partition the lower epoch lets go at once, the winner announces again, both tell people once
pair interval=1s takeover_after=3s

at 20 s  cut everything
by 25 s  expect both hold web
at 40 s  heal everything
by 42 s  expect beta holds web
at 50 s  expect told alpha: split 1 time
at 50 s  expect told beta: split 1 time
at 50 s  expect neighbours believe beta has web
at 50 s  expect epoch of web is 2
ends at 60 s
