"""Who has an address is known to those who judge logins: the next login of such a user may be a renewal."""

from __future__ import annotations

from lotor.auth.housed import Housed
from lotor.model.grants import Grants
from lotor.model.judgement import Failure
from lotor.ports.leases import Lease, Leases


class HousedLeases:
    """Implements `ports.leases.Leases` around another."""

    def __init__(self, leases: Leases, housed: Housed) -> None:
        self._leases = leases
        self._housed = housed

    async def acquire(self, session: int, user: str, grants: Grants) -> Lease | Failure:
        lease = await self._leases.acquire(session, user, grants)
        if not isinstance(lease, Failure):
            self._housed.enter(session, user)
        return lease

    async def release(self, session: int) -> None:
        self._housed.leave(session)
        await self._leases.release(session)
