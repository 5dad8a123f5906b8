"""The operations of the closed loop: batches of commands, each decided by the domain, written in one transaction."""
