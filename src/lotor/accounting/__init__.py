"""Engines that keep account of sessions: the journal, the login records of the host."""
