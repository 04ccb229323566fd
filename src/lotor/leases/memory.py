"""Leases in the memory of this process: the port over the pools of the configuration, now and before."""

from __future__ import annotations

from lotor.leases.succession import Succession
from lotor.model.grants import Grants
from lotor.model.judgement import Failure
from lotor.ports.leases import Lease


class MemoryLeases:
    """Implements `ports.leases.Leases`. Changes of the configuration reach it through `pools`."""

    def __init__(self, pools: Succession) -> None:
        self.pools = pools

    async def acquire(self, session: int, user: str, grants: Grants) -> Lease | Failure:
        return self.pools.acquire(session, user, grants)

    async def release(self, session: int) -> None:
        self.pools.release(session)
