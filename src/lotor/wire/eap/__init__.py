"""The packets of EAP as values (RFC 3748), which IKEv2 carries (RFC 7296 §3.16)."""
