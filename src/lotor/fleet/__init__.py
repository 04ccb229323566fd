"""What several gateways know together, in PostgreSQL: who has which address, who is connected or banned, the users."""

from lotor.fleet.faults import RefusedError
from lotor.fleet.store import FleetStore

__all__ = ["FleetStore", "RefusedError"]
