"""Figures for a monitoring system: what is counted and under which name, and how Prometheus reads it."""
