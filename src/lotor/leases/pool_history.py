"""The present pool of the configuration, and the leases of earlier pools that sessions still hold."""

from __future__ import annotations

from ipaddress import IPv4Address

from lotor.leases.pool import Pool
from lotor.model.grants import NO_GRANTS, Grants
from lotor.model.judgement import Failure
from lotor.model.network import Address
from lotor.model.reasons.local import NoPool
from lotor.ports.leases import Lease


class PoolHistory:
    """A session keeps its lease when the pool that it came from is gone. Until the session ends no pool gives that
    address to another. Only `replace`, once a reload, goes through all sessions."""

    def __init__(self, pool: Pool | None) -> None:
        self._pool = pool
        self._outside: dict[int, tuple[str, Lease]] = {}
        """Of earlier pools: by session its user and lease."""
        self._owners: dict[Address, tuple[str, Lease]] = {}
        """The same leases by each of their addresses."""
        self._reserved: frozenset[Address] = frozenset()

    def replace(self, pool: Pool | None) -> None:
        """New sessions are served by this pool. Users keep their last address if it is in the pool."""
        former = self._pool
        self._pool = pool
        if former is not None:
            for session, user, lease in former.held():
                self._outside[session] = user, lease
                self._owners.update(dict.fromkeys(lease.addresses, (user, lease)))
        if pool is None:
            return
        for user, address in former.memories() if former is not None else ():
            pool.remember(user, address)
        for lease in self.outside():
            pool.bar(lease)
        pool.reserve(self._reserved)

    def remember(self, user: str, address: IPv4Address) -> None:
        """The user had this address until now."""
        if self._pool is not None:
            self._pool.remember(user, address)

    def reserve(self, addresses: frozenset[Address]) -> None:
        """These, and no others, are given to whom they are granted only; also by pools to come."""
        self._reserved = addresses
        if self._pool is not None:
            self._pool.reserve(addresses)

    def acquire(self, session: int, user: str, grants: Grants = NO_GRANTS) -> Lease | Failure:
        if (held := self._outside.get(session)) is not None:
            return held[1]
        if self._pool is None:
            return Failure(NoPool())
        return self._pool.acquire(session, user, grants.address)

    def release(self, session: int) -> Lease | None:
        """The lease, where it was of an earlier pool."""
        if self._pool is not None:
            self._pool.release(session)
        if session not in self._outside:
            return None
        user, lease = self._outside.pop(session)
        for address in lease.addresses:
            del self._owners[address]
        if self._pool is not None:
            self._pool.free(lease)
            self._pool.remember(user, lease.address)
        return lease

    def __len__(self) -> int:
        """How many sessions hold a lease."""
        return len(self._outside) + (len(self._pool) if self._pool is not None else 0)

    def given(self) -> list[Lease]:
        """All that sessions hold."""
        return [*self.outside(), *(self._pool.leases() if self._pool is not None else ())]

    def holder(self, addresses: frozenset[Address]) -> str | None:
        """The user of the one lease of a session that has them all; None where there is none."""
        if self._pool is not None and (user := self._pool.holder(addresses)) is not None:
            return user
        owners = (self._owners[each] for each in addresses if each in self._owners)
        return next((user for user, lease in owners if addresses <= lease.addresses), None)

    def outside(self) -> list[Lease]:
        """Leases of earlier pools, which need routes of their own."""
        return [lease for _, lease in self._outside.values()]
