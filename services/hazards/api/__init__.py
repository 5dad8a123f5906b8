"""The HTTP side of the hazards service: thin doors to the operations and the views."""
