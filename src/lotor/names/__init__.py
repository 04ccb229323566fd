"""Names of other hosts as addresses: looked up in threads that nobody waits for, and kept for when nobody knows them."""
