"""A gateway or a client set up on this host in one go: what is written and done, its record, and the way back."""
