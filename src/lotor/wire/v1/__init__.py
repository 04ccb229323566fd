"""The payloads, attributes and numbers of IKE version 1."""
