"""The process with rights: it holds keys, accounts, scripts and the host, and reads nothing that a peer sent."""
