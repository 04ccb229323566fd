"""Logins by EAP inside of IKE_AUTH (RFC 7296 §2.16, RFC 3748): the methods, at the gateway and at the client."""
