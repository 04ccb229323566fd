"""Certificates of public authorities by ACME (RFC 8555): what speaks with the authority and with those who prove it."""
