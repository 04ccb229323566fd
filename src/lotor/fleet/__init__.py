"""What several gateways know together, in PostgreSQL: who has which address, who is connected or banned, the users."""

from lotor.fleet.store import FleetStore
from lotor.ports.fleet import RefusedError

__all__ = ["FleetStore", "RefusedError"]
