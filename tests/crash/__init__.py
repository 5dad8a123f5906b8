"""Faults: real processes killed, cut off and lied to, and what must not be lost. `make crash` runs them."""
