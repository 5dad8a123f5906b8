"""Pure rules of the closed loop: no I/O, no clock, no framework."""
