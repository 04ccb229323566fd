"""The exchanges of IKEv2 (RFC 7296)."""
