"""Names of other hosts as addresses: looked up in threads that nobody waits for, and kept while no resolver answers."""
