"""Tables of the hazards service and the statements that read and write them."""
