"""Facts in, decisions out. Pure: no clock, no I/O, no chance, no log."""
