"""Inner addresses for clients: which session has which address, and which address is given next."""

from lotor.leases.pool import Pool

__all__ = ["Pool"]
