"""The leases of one daemon: addresses for its own sessions, which are free again when it ends. The pool remembers the
last address of each user."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from lotor.model.judgement import Failure
from lotor.model.network import Address
from lotor.model.reasons.local import PoolFault
from lotor.ports.leases import Lease, Leases
from lotor.privsep.leasing import ACQUIRE_LEASE, LONGEST_USER, RELEASE_LEASE, Wish
from lotor.privsep.serving import Handler, answering

log = logging.getLogger(__name__)

MOST_SESSIONS = 65_536
"""With an address, or in the middle of giving it back: a pool is seldom larger than a /16."""
AT_ONCE = 100
"""Sessions of a dead daemon whose addresses are given back before others have their turn."""


@dataclass(slots=True, eq=False)
class _Place:
    """A session as the pool knows it: by `number`. `asking`: how many questions for its address are under way. `given`:
    it has an address, also where another question is answered with a failure. `addresses`: those that it has."""

    number: int
    asking: int = 0
    given: bool = False
    addresses: frozenset[Address] = frozenset()
    order: asyncio.Lock = field(default_factory=asyncio.Lock)


class HeldLeases:
    """For one daemon. `numbers` are never used twice: each daemon counts its own sessions from one, and
    session 1 of the next daemon is another session."""

    def __init__(self, leases: Leases, numbers: Iterator[int]) -> None:
        self._leases = leases
        self._numbers = numbers
        self._held: dict[int, _Place] = {}
        self._addresses: Counter[Address] = Counter()
        """That sessions have, and how many: each may be on its way from one to another."""
        self._returning: set[asyncio.Task[None]] = set()

    def rows(self) -> dict[int, Handler]:
        return dict((answering(self._acquire, ACQUIRE_LEASE), answering(self._release, RELEASE_LEASE)))

    def __len__(self) -> int:
        return len(self._held) + len(self._returning)

    def has(self, address: Address) -> bool:
        """Whether a session of this daemon has it."""
        return address in self._addresses

    async def let_go(self) -> None:
        """The daemon is gone: everything that its sessions had is free when this returns."""
        while self._held:
            for _ in range(min(AT_ONCE, len(self._held))):
                self._give_back(self._held.popitem()[1])
            await asyncio.sleep(0)
        while self._returning:
            await asyncio.wait(self._returning)

    async def _acquire(self, wish: Wish) -> Lease | Failure:
        """The session has its place until it is given back, also where the daemon withdrew the question."""
        if len(wish.user.encode()) > LONGEST_USER:
            return Failure(PoolFault(f"a user's name of more than {LONGEST_USER} octets"))
        if wish.session not in self._held and len(self) >= MOST_SESSIONS:
            return Failure(PoolFault(f"{MOST_SESSIONS} sessions have addresses, no more may"))
        place = self._held.get(wish.session) or self._held.setdefault(wish.session, _Place(next(self._numbers)))
        place.asking += 1
        try:
            await asyncio.sleep(0)  # a release that came before goes first: one more step leads to the pool there
            async with place.order:
                answer = await self._leases.acquire(place.number, wish.user, wish.grants)
        finally:
            place.asking -= 1
        if not isinstance(answer, Failure):
            place.given = True
            if self._held.get(wish.session) is place:
                self._enter(place, answer.addresses)
        if not (place.given or place.asking) and self._held.get(wish.session) is place:
            del self._held[wish.session]
        return answer

    def _enter(self, place: _Place, addresses: frozenset[Address]) -> None:
        """No others than these are the session's."""
        self._addresses.subtract(place.addresses)
        self._addresses.update(addresses)
        for each in place.addresses - addresses:
            if not self._addresses[each]:
                del self._addresses[each]
        place.addresses = addresses

    async def _release(self, session: int) -> None:
        """The address is given back, also where the daemon withdraws the question."""
        place = self._held.pop(session, None)
        if place is not None:
            await asyncio.shield(self._give_back(place))

    def _give_back(self, place: _Place) -> asyncio.Task[None]:
        self._enter(place, frozenset())
        task = asyncio.get_running_loop().create_task(self._returned(place))
        self._returning.add(task)
        task.add_done_callback(self._done)
        return task

    async def _returned(self, place: _Place) -> None:
        """Waits for questions for the same session that are under way."""
        async with place.order:
            await self._leases.release(place.number)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._returning.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            log.error("an address could not be given back: %s", type(fault).__name__)
