"""The pools of the present configuration, and what sessions hold beside them: leases of earlier pools, and addresses
that a back end granted from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Interface

from lotor.leases.pool import Pool
from lotor.model.grants import NO_GRANTS, Grants
from lotor.model.judgement import Failure
from lotor.model.network import Address, Network
from lotor.model.reason import Reason
from lotor.model.reasons.local import GrantInUse, GrantMissing, GrantOutsidePool, GrantPoolUnknown, NoPool
from lotor.ports.leases import Lease

NO_POOLS: Mapping[str, Pool] = {}
THIS_NETWORK = IPv4Network("0.0.0.0/8")


class PoolHistory:
    """The pool without a name serves whoever is given no other one. A session keeps its lease when the pool that it
    came from is gone. Until the session ends no pool gives that address to another. Only `replace`, once a reload, goes
    through all sessions."""

    def __init__(self, pool: Pool | None, named: Mapping[str, Pool] = NO_POOLS) -> None:
        self._pools = _all(pool, named)
        self._allowed: tuple[Network, ...] = ()
        """Where a back end may grant addresses outside of the pools."""
        self._of: dict[int, Pool] = {}
        """Sessions that hold a lease of a present pool."""
        self._lent6: dict[Address, int] = {}
        """Granted addresses of IPv6, and the sessions that have them beside one of IPv4 of a present pool."""
        self._outside: dict[int, tuple[str, Lease]] = {}
        """Of no present pool: by session its user and lease."""
        self._owners: dict[Address, tuple[str, Lease]] = {}
        """The same leases by each of their addresses."""
        self._reserved: frozenset[Address] = frozenset()

    @property
    def pools(self) -> Mapping[str, Pool]:
        """The present ones by name."""
        return self._pools

    def allow(self, networks: Iterable[Network]) -> None:
        """A back end may grant addresses in these networks, too."""
        self._allowed = tuple(networks)

    def replace(self, pool: Pool | None, named: Mapping[str, Pool] = NO_POOLS) -> None:
        """New sessions are served by these pools; one that is the same object goes on. Users keep their last address
        if it is in one of them."""
        former, self._pools = self._pools, _all(pool, named)
        kept = [each for each in self._pools.values() if _is_among(each, former.values())]
        gone = [each for each in former.values() if not _is_among(each, kept)]
        for each in gone:
            self._put_outside(each, kept)
        for fresh in self._pools.values():
            if not _is_among(fresh, kept):
                self._begin(fresh, gone)

    def remember(self, user: str, address: IPv4Address) -> None:
        """The user had this address until now."""
        for each in self._pools.values():
            each.remember(user, address)

    def reserve(self, addresses: frozenset[Address]) -> None:
        """These, and no others, are given to whom they are granted only; also by pools to come."""
        self._reserved = addresses
        for each in self._pools.values():
            each.reserve(addresses)

    def acquire(self, session: int, user: str, grants: Grants = NO_GRANTS) -> Lease | Failure:
        """What was granted or nothing: `Failure` says of which grant that is so."""
        if (held := self._outside.get(session)) is not None:
            return held[1]
        if (pool := self._of.get(session)) is not None:
            return pool.acquire(session, user)
        if grants.address6 is not None and (reason := self._withheld6(grants.address6)) is not None:
            return Failure(reason)
        pool = self._pool_for(grants)
        if pool is not None:
            return self._within(pool, session, user, grants)
        if grants.address is not None:
            return self._beyond(session, user, grants.address, grants.address6)
        return Failure(self._poolless(grants))

    def release(self, session: int) -> Lease | None:
        """What the session had."""
        if (pool := self._of.pop(session, None)) is not None:
            lease = pool.release(session)
            self._take_back6(session, lease)
            return lease
        if session not in self._outside:
            return None
        user, lease = self._outside.pop(session)
        for address in lease.addresses:
            del self._owners[address]
        for each in self._pools.values():
            each.free(lease.addresses)
            each.remember(user, lease.address)
        return lease

    def __len__(self) -> int:
        """How many sessions hold a lease."""
        return len(self._outside) + len(self._of)

    def given(self) -> list[Lease]:
        """All that sessions hold."""
        outside = (lease for _, lease in self._outside.values())
        return [*outside, *(lease for pool in self._pools.values() for lease in pool.leases())]

    def holder(self, addresses: frozenset[Address]) -> str | None:
        """The user of the one lease of a session that has them all; None where there is none."""
        for pool in self._pools.values():
            if (user := pool.holder(addresses)) is not None:
                return user
        return next((user for user, lease in self._owning(addresses) if addresses <= lease.addresses), None)

    def outside(self) -> list[Lease]:
        """Leases with an address of no present pool, which needs a route of its own."""
        lent = (lease for pool in self._pools.values() for _, lease in pool.lent6())
        return [*(lease for _, lease in self._outside.values()), *lent]

    # --- granted ------------------------------------------------------------------------------------------------------

    def _pool_for(self, grants: Grants) -> Pool | None:
        """An address says by itself which pool it is of."""
        if grants.address is None:
            return self._pools.get(grants.pool)
        return next((each for each in self._pools.values() if each.has(grants.address)), None)

    def _within(self, pool: Pool, session: int, user: str, grants: Grants) -> Lease | Failure:
        lease = pool.acquire(session, user, grants.address, grants.address6)
        if isinstance(lease, Failure):
            return lease
        self._of[session] = pool
        if grants.address6 is not None:
            self._lent6[grants.address6.ip] = session
            for each in self._pools.values():
                each.bar([grants.address6.ip])
        return lease

    def _beyond(self, session: int, user: str, address: IPv4Address, address6: IPv6Interface | None) -> Lease | Failure:
        if address in self._owners:
            return Failure(GrantInUse(address))
        if not self._allows(address):
            return Failure(GrantOutsidePool(address, self._spans()))
        lease = Lease(address, None, address6)
        self._hold_outside(session, user, lease)
        for each in self._pools.values():
            each.bar(lease.addresses)
        return lease

    def _withheld6(self, granted: IPv6Interface) -> Reason | None:
        address = granted.ip
        pools = self._pools.values()
        if address in self._owners or address in self._lent6 or any(each.uses(address) for each in pools):
            return GrantInUse(address)
        within = any(each.has(address) for each in pools) or self._allows(address)
        return None if within else GrantOutsidePool(address, self._spans())

    def _allows(self, address: Address) -> bool:
        never = address.is_multicast or address.is_loopback or address.is_link_local or address.is_reserved
        unfit = never or address.is_unspecified or address in THIS_NETWORK
        return not unfit and any(address in network for network in self._allowed)

    def _poolless(self, grants: Grants) -> Reason:
        if grants.pool:
            return GrantPoolUnknown(grants.pool)
        return GrantMissing() if self._allowed else NoPool()

    def _spans(self) -> str:
        return ", ".join(each.span for each in self._pools.values())

    def _take_back6(self, session: int, lease: Lease | None) -> None:
        address6 = lease.address6.ip if lease is not None and lease.address6 is not None else None
        if address6 is not None and self._lent6.get(address6) == session:
            del self._lent6[address6]
            for each in self._pools.values():
                each.free([address6])

    # --- pools that come and go ---------------------------------------------------------------------------------------

    def _put_outside(self, gone: Pool, kept: Iterable[Pool]) -> None:
        """The sessions of a pool that is gone; the pools that stay give none of their addresses."""
        for session, user, lease in gone.held():
            del self._of[session]
            self._hold_outside(session, user, lease)
            lent = [each for each in lease.addresses if self._lent6.pop(each, None) is not None]
            for pool in kept:
                pool.free(lent)  # these it knows of already
                pool.bar(lease.addresses)

    def _begin(self, fresh: Pool, gone: Iterable[Pool]) -> None:
        """A pool knows who had which of its addresses, and which of them somebody has."""
        for each in gone:
            for user, address in each.memories():
                fresh.remember(user, address)
        for _, lease in self._outside.values():
            fresh.bar(lease.addresses)
        fresh.bar(self._lent6)
        fresh.reserve(self._reserved)

    def _hold_outside(self, session: int, user: str, lease: Lease) -> None:
        self._outside[session] = user, lease
        self._owners.update(dict.fromkeys(lease.addresses, (user, lease)))

    def _owning(self, addresses: frozenset[Address]) -> Iterator[tuple[str, Lease]]:
        """Leases with one of them that no pool finds by it."""
        yield from (self._owners[each] for each in addresses if each in self._owners)
        for session in {self._lent6[each] for each in addresses if each in self._lent6}:
            yield from self._of[session].of(session)


def _all(pool: Pool | None, named: Mapping[str, Pool]) -> dict[str, Pool]:
    return {**({"": pool} if pool is not None else {}), **named}


def _is_among(pool: Pool, pools: Iterable[Pool]) -> bool:
    return any(each is pool for each in pools)
