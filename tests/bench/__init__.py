"""Measurements: real processes, fsync on, arms interleaved, effects checked. `make bench` runs them."""
