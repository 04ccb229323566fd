"""The messages of IKEv2 as values (RFC 7296 §3)."""
