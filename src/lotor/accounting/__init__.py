"""Engines that keep account of sessions: the journal."""
