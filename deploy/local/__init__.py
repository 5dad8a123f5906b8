"""The one-machine stack behind `make up`: database, bus, three services, sample ledger, story, development issuer."""
