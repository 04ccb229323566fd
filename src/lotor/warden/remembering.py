"""Who had which address last, also over a restart of this program."""

from __future__ import annotations

import logging
from ipaddress import IPv4Address

from lotor.model.grants import Grants
from lotor.model.judgement import Failure
from lotor.ports.leases import Lease, Leases
from lotor.store import Store, StoreFault, addresses
from lotor.store.addresses import Held
from lotor.store.behind import GATHERED, Behind
from lotor.warden.fixed import FixedAddresses
from lotor.warden.pool_routes import PoolRoutes

log = logging.getLogger(__name__)


class RememberedLeases:
    """Implements `ports.leases.Leases` around another. An answer never waits for the disk: what became of an address is
    written behind it, in order."""

    def __init__(self, leases: Leases, store: Store, fixed: FixedAddresses) -> None:
        self._leases = leases
        self.fixed = fixed
        self._store = store
        self._held: dict[int, tuple[str, Lease]] = {}
        self._behind: Behind[IPv4Address, Held] = Behind(store, "addresses", addresses.write, GATHERED)
        self._seen = 0

    async def recall(self, pool: PoolRoutes) -> None:
        """The pool knows what the last program knew. Before the first lease."""
        if not self._store.lasts:
            return
        try:
            found = await self._store.run(addresses.load)
        except (StoreFault, ValueError) as fault:
            text = fault.strerror if isinstance(fault, StoreFault) else f"{fault}"
            log.error("who had which address is not known: %s", text)  # noqa: TRY400 - it says all
            return
        self._seen = self._store.beginnings
        pool.remember(found)

    async def acquire(self, session: int, user: str, grants: Grants) -> Lease | Failure:
        await self.fixed.look()
        lease = await self._leases.acquire(session, user, grants)
        before = self._held.get(session)
        if isinstance(lease, Lease) and before != (user, lease):
            if before is not None and before[1].address != lease.address:
                self._note(Held(before[1].address, before[0], held=False))
            self._held[session] = user, lease
            self._note(Held(lease.address, user, held=True))
        return lease

    async def release(self, session: int) -> None:
        await self._leases.release(session)
        held = self._held.pop(session, None)
        if held is not None:
            user, lease = held
            self._note(Held(lease.address, user, held=False))

    async def settle(self) -> None:
        """What is known is in the store, unless that cannot take it."""
        await self._behind.settle()

    def _note(self, change: Held) -> None:
        if self._store.beginnings != self._seen:  # the file proved to be broken, and the new one knows nobody
            self._seen = self._store.beginnings
            for user, lease in self._held.values():
                self._behind.note(lease.address, Held(lease.address, user, held=True))
        self._behind.note(change.address, change)
