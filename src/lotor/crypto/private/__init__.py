"""Private keys: made, read from the administrator's files, and signed with; what judges a peer never reaches it."""
