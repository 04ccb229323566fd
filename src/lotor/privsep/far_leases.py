"""Leases from the warden, which has the pool and remembers the last address of each user."""

from __future__ import annotations

import errno

from lotor.model.grants import Grants
from lotor.model.judgement import Failure
from lotor.model.reasons.local import PoolFault
from lotor.ports.leases import Lease
from lotor.privsep.asking import Asker, Refused, reason_of
from lotor.privsep.frames import Ended
from lotor.privsep.leasing import ACQUIRE_LEASE, RELEASE_LEASE, Wish


class FarLeases:
    """Implements `ports.leases.Leases`, for the sessions of this daemon."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    async def acquire(self, session: int, user: str, grants: Grants) -> Lease | Failure:
        try:
            return (await self._asker.ask(ACQUIRE_LEASE, Wish(session, user, grants))).value
        except (Refused, Ended) as fault:
            return Failure(PoolFault(reason_of(fault).text))
        except ValueError:
            return Failure(PoolFault("the user's name, or what the back end granted, is longer than any"))

    async def release(self, session: int) -> None:
        """`OSError` where the warden could not: it gives everything back when this process ends."""
        try:
            await self._asker.ask(RELEASE_LEASE, session)
        except (Refused, Ended) as fault:
            raise ConnectionAbortedError(errno.ECONNABORTED, reason_of(fault).text) from None
