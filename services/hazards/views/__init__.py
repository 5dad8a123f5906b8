"""Reads of the hazards service; every one starts from the caller's scope."""
