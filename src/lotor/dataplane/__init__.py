"""Engines that carry ESP."""
