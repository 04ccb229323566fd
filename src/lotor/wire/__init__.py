"""Bytes to values and back, for everything that peers send."""
