"""The closed loop: hazards from the report to the strike-off, their clocks, their views."""
