"""What parses octets of a peer as X.509, and what proves them; rooms that hold secrets or privileges never reach it."""
