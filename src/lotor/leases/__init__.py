"""Inner addresses for clients: who has which, and who gets which next."""

from lotor.leases.pool import Pool

__all__ = ["Pool"]
