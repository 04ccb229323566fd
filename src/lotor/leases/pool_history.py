"""The present pool of the configuration, and the leases of earlier pools that sessions still hold."""

from __future__ import annotations

from lotor.leases.pool import Pool
from lotor.model.grants import NO_GRANTS, Grants
from lotor.model.judgement import Failure
from lotor.model.network import Address
from lotor.model.reasons.local import NoPool
from lotor.ports.leases import Lease


class PoolHistory:
    """A session keeps its lease when the pool that it came from is gone. Until the session ends no pool gives that
    address to another."""

    def __init__(self, pool: Pool | None) -> None:
        self._pool = pool
        self._former: list[Pool] = []

    def replace(self, pool: Pool | None) -> None:
        """New sessions are served by this pool. Users keep their last address if it is in the pool."""
        former = self._pool
        self._pool = pool
        if former is None:
            return
        if pool is not None:
            for user, address in former.memories():
                pool.remember(user, address)
        if len(former):
            self._former.append(former)

    def acquire(self, session: int, user: str, grants: Grants = NO_GRANTS) -> Lease | Failure:
        for former in self._former:
            if (held := former.holder(session)) is not None:
                return held[1]
        if self._pool is None:
            return Failure(NoPool())
        taken = {address for lease in self.outside() for address in lease.addresses}
        return self._pool.acquire(session, user, lambda lease: bool(taken & lease.addresses), grants.address)

    def release(self, session: int) -> None:
        if self._pool is not None:
            self._pool.release(session)
        for former in self._former:
            if (held := former.holder(session)) is not None:
                former.release(session)
                self._remember(*held)
        self._former = [former for former in self._former if len(former)]

    def _remember(self, user: str, lease: Lease) -> None:
        if self._pool is not None:
            self._pool.remember(user, lease.address)

    def given(self) -> list[Lease]:
        """All that sessions hold."""
        return [*self.outside(), *(self._pool.leases() if self._pool is not None else ())]

    def holds(self, addresses: frozenset[Address]) -> bool:
        """Whether they are of one lease that a session holds."""
        pools = self._former if self._pool is None else (self._pool, *self._former)
        return any(pool.holds(addresses) for pool in pools)

    def outside(self) -> list[Lease]:
        """Leases of earlier pools, which need routes of their own."""
        return [lease for former in self._former for lease in former.leases()]
