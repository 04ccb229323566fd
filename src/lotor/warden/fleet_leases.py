"""Addresses that the fleet gives: its database says which gateway has which, then the pool gives exactly that one.

A claim has a number of its own. What this gateway holds is claimed again when the database was away, and a session
whose address is another's by then ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, ip_address

from lotor.config.settings import WhileAway
from lotor.model.grants import Grants
from lotor.model.judgement import Failure
from lotor.model.network import Address
from lotor.model.quantity import quantity
from lotor.model.reasons.local import GrantInUse, GrantPoolUnknown, PoolFault
from lotor.ports.fleet import MOST_AT_ONCE, Claim, FleetPool, News, Sign
from lotor.ports.leases import Lease
from lotor.warden.fleet_watch import FleetWatch
from lotor.warden.pool_routes import PoolRoutes

log = logging.getLogger(__name__)

SETTLES = 2.0
"""Seconds in which what came before a login is given back; the login goes on then, whatever became of that."""
PATIENCE = 5.5
"""Seconds after which a login hears that there is no address: another gateway is waited for, too, for three of them."""
MOST_RETURNS = 131_072
"""Claims that are given back when the database answers again: no more are made while it is away, so that there are no
more than sessions were up, and questions under way."""

ENDED_AT_ONCE, ENDED_AGAIN = 256, 1.0
"""Sessions whose end is ordered at once, and seconds before it is that of others."""


@dataclass(frozen=True, slots=True)
class _Return:
    """What is to be given back. `doubtful`: the database may have done so already."""

    claim: Claim
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class _Held:
    """What a session has. `claims` have what the database gave as `granted`, of `pool` it was asked. `lease` None: the
    pool did not give it yet."""

    claims: tuple[Claim, ...]
    lease: Lease | None = None

    @property
    def addresses(self) -> frozenset[Address]:
        return self.lease.addresses if self.lease is not None else frozenset()


class FleetLeases:
    """Implements `ports.leases.Leases` around the pool; without a fleet it is the pool. `lost` hears an address whose
    session is to end."""

    def __init__(self, pool: PoolRoutes, lost: Callable[[Address], None]) -> None:
        self._pool = pool
        self._lost = lost
        self._watch: FleetWatch | None = None
        self.while_away = WhileAway.REFUSE
        self._numbers = itertools.count(1)
        self._held: dict[int, _Held] = {}
        self._sessions: dict[Address, int] = {}
        self._returns: OrderedDict[int, _Return] = OrderedDict()
        self._told: tuple[FleetPool, ...] | None = None
        self._joined = False
        """What is held was claimed since the database was there again."""
        self._suspects: OrderedDict[int, None] = OrderedDict()
        self._wake, self._settled = asyncio.Event(), asyncio.Event()
        """There is work; some was given back."""
        self._work: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None

    def begin(self, watch: FleetWatch) -> None:
        self._watch = watch
        watch.follow(self.hear)
        self._work = asyncio.get_running_loop().create_task(self._works(watch))

    async def end(self) -> None:
        """Nothing is asked any more; what waits is given back by leaving the fleet."""
        tasks = {each for each in (self._work, self._ending) if each is not None}
        self._work = self._ending = None
        for each in tasks:
            each.cancel()
        if tasks:
            await asyncio.wait(tasks)

    @property
    def waiting(self) -> int:
        """Claims that are given back later."""
        return len(self._returns)

    def hear(self, news: News) -> None:
        if news.sign is Sign.JOINED:
            self._joined = False
            self._told = None
        elif news.sign is Sign.LOST and (session := self._session_of(news.subject)) is not None:
            self._suspects[session] = None
        elif news.sign is Sign.REPLACED and (self._ending is None or self._ending.done()):
            self._ending = asyncio.get_running_loop().create_task(self._end_all())
        self._stir()

    async def _end_all(self) -> None:
        """No faster than a daemon obeys."""
        held = tuple(self._held.values())
        log.error("another lotor has the place of this one in the fleet: %s here end", quantity(len(held), "session"))
        for turn, each in enumerate(held, 1):
            self._lost(each.lease.address if each.lease is not None else _first(each.claims[0]))
            if turn % ENDED_AT_ONCE == 0:
                await asyncio.sleep(ENDED_AGAIN)

    # --- leases -------------------------------------------------------------------------------------------------------

    async def acquire(self, session: int, user: str, grants: Grants) -> Lease | Failure:
        """A renewal asks nobody: what a session holds it has."""
        watch, held = self._watch, self._held.get(session)
        if watch is None or (held is not None and held.lease is not None):
            return await self._pool.acquire(session, user, grants)
        if held is not None:  # whoever had asked did not wait for the pool
            await self.release(session)
        if not self._may_be(grants):
            return await self._refused(session, user, grants)
        if grants.address is not None:
            return await self._granted(watch, session, user, grants)
        return await self._of_pool(watch, session, user, grants)

    async def release(self, session: int) -> None:
        """At once here, and behind that at the database."""
        await self._pool.release(session)
        self._let_go(self._held.pop(session, None), session)

    def _may_be(self, grants: Grants) -> bool:
        """Whether there is anything to ask the fleet for; else the pool says why not."""
        return grants.address is not None or any(each.name == grants.pool for each in self._pool.fleet_pools)

    async def _refused(self, session: int, user: str, grants: Grants) -> Failure:
        """A reload may bring the pool at this moment: nothing of it is given that the fleet did not give."""
        lease = await self._pool.acquire(session, user, grants)
        if isinstance(lease, Failure):
            return lease
        await self._pool.release(session)
        return Failure(PoolFault("the pools have changed at this moment"))

    async def _granted(self, watch: FleetWatch, session: int, user: str, grants: Grants) -> Lease | Failure:
        """The pool looks at it first: nobody claims what this gateway could not give."""
        lease = await self._pool.acquire(session, user, grants)
        if isinstance(lease, Failure):
            return lease
        claim = await self._claimed(watch, Claim(0, user, "", (lease.address,)))
        if isinstance(claim, Failure):
            await self._pool.release(session)
            return claim
        self._held[session] = _Held((claim,))
        return await self._with6(watch, session, grants, lease)

    async def _of_pool(self, watch: FleetWatch, session: int, user: str, grants: Grants) -> Lease | Failure:
        claim = await self._claimed(watch, Claim(0, user, grants.pool))
        if isinstance(claim, Failure):
            return claim
        self._held[session] = _Held((claim,))
        given = _first(claim)
        lease = await self._pool.give(session, user, grants, given)
        if isinstance(lease, Lease) and lease.address == given:
            return await self._with6(watch, session, grants, lease)
        await self.release(session)
        here = isinstance(lease, Lease) or lease.reason == GrantInUse(given)
        return Failure(PoolFault(f"the fleet gave {given}, which a session here has still")) if here else lease

    async def _with6(self, watch: FleetWatch, session: int, grants: Grants, lease: Lease) -> Lease | Failure:
        """With the address of IPv6 that was granted, and the one of IPv4 beside which a pool would give it."""
        claims = self._held[session].claims
        if grants.address6 is not None:
            own: Address = grants.address6.ip
            twin = self._pool.twin(grants.address6.ip)
            beside = (twin,) if twin is not None and twin != lease.address else ()
            also = await self._claimed(watch, Claim(0, claims[0].user, "", (own, *beside)))
            if isinstance(also, Failure):
                await self.release(session)
                return Failure(GrantInUse(own)) if isinstance(also.reason, GrantInUse) else also
            claims = *claims, also
        self._held[session] = _Held(claims, lease)
        self._sessions |= dict.fromkeys(lease.addresses, session)
        return lease

    def _session_of(self, word: str) -> int | None:
        try:
            return self._sessions.get(ip_address(word))
        except ValueError:
            return None

    def _let_go(self, held: _Held | None, session: int) -> None:
        if held is None:
            return
        self._suspects.pop(session, None)
        for address in held.addresses:
            if self._sessions.get(address) == session:
                del self._sessions[address]
        for claim in held.claims:
            self._give_back(claim)

    # --- the database -------------------------------------------------------------------------------------------------

    async def _claimed(self, watch: FleetWatch, wish: Claim) -> Claim | Failure:
        """The claim, with what it gave as granted."""
        if watch.away is not None:
            return self._known(watch, wish)
        claim = replace(wish, session=next(self._numbers))
        try:
            await self._settles()
            answer = await self._asked(watch, claim)
        except OSError:
            self._give_back(claim, doubtful=True)
            return self._known(watch, wish)
        except BaseException:
            self._give_back(claim, doubtful=True)
            raise
        return answer if isinstance(answer, Failure) else replace(claim, granted=answer)

    async def _asked(self, watch: FleetWatch, claim: Claim) -> tuple[Address, ...] | Failure:
        """A process of back ends that was started anew may be there before it is heard of: it knows no pools yet.
        Raises `OSError`."""
        await self._name_pools(watch)
        answer = await watch.ask(watch.fleet.claim(claim), PATIENCE)
        if not isinstance(answer, Failure) or answer.reason != GrantPoolUnknown(claim.pool):
            return answer
        self._told = None
        await self._name_pools(watch)
        return await watch.ask(watch.fleet.claim(claim), PATIENCE)

    async def _settles(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLES):
                await self._returned_by_now()

    def _known(self, watch: FleetWatch, wish: Claim) -> Claim | Failure:
        """What the same user has given back while the database was away is this gateway's still, for the lease time."""
        if self.while_away is WhileAway.KNOWN and watch.holds:
            for number, each in reversed(self._returns.items()):
                claim = each.claim
                fits = claim.granted == wish.granted if wish.granted else claim.pool == wish.pool and claim.granted
                if claim.user == wish.user and fits and not each.doubtful:
                    del self._returns[number]
                    return claim
        return Failure(watch.reason())

    def _give_back(self, claim: Claim, *, doubtful: bool = False) -> None:
        self._returns[claim.session] = _Return(claim, doubtful)
        if len(self._returns) > MOST_RETURNS:
            self._returns.popitem(last=False)
        self._stir()

    async def _name_pools(self, watch: FleetWatch) -> None:
        """Raises `OSError`."""
        if (pools := self._pool.fleet_pools) is not self._told:
            await watch.ask(watch.fleet.pools(pools))
            self._told = pools

    async def _returned_by_now(self) -> None:
        """A claim waits for what came before it, and for nothing that is given back later: where people come and go
        there is always something."""
        last = next(reversed(self._returns), None)
        while last in self._returns:
            self._settled.clear()
            await self._settled.wait()

    def _stir(self) -> None:
        self._wake.set()

    async def _works(self, watch: FleetWatch) -> None:
        while True:
            await self._wake.wait()
            await watch.there()
            self._wake.clear()
            try:
                await self._settle(watch)
            except OSError:  # which is told: the database is away
                self._wake.set()
            except Exception as error:  # noqa: BLE001 - its text may quote a user
                log.error("internal error: leases of the fleet: %s", type(error).__name__)  # noqa: TRY400

    async def _settle(self, watch: FleetWatch) -> None:
        """In order: pools, what is given back, what is held. Raises `OSError`."""
        await self._name_pools(watch)
        if not self._joined:
            self._joined = True
            self._suspects |= dict.fromkeys(self._held)
        while True:
            while self._returns:
                await self._return_some(watch)
            if not self._suspects:
                return
            session = next(iter(self._suspects))
            await self._claim_again(watch, session)
            self._suspects.pop(session, None)

    async def _return_some(self, watch: FleetWatch) -> None:
        some = dict(itertools.islice(self._returns.items(), MOST_AT_ONCE))
        self._returns |= {number: replace(each, doubtful=True) for number, each in some.items()}
        await watch.ask(watch.fleet.give_back(tuple(some)))
        for number in some:
            self._returns.pop(number, None)
        self._settled.set()

    async def _claim_again(self, watch: FleetWatch, session: int) -> None:
        held = self._held.get(session)
        for claim in held.claims if held is not None else ():
            answer = await watch.ask(watch.fleet.claim(replace(claim, held=True)))
            if isinstance(answer, Failure) and held is not None and self._held.get(session) is held:
                address = held.lease.address if held.lease is not None else _first(claim)
                log.warning("%s is another gateway's now: its session here ends (%s)", address, answer.reason.text)
                self._lost(address)
                return


def _first(claim: Claim) -> IPv4Address:
    """The address of a claim of a pool, which the answer was looked at for."""
    found = next(each for each in claim.granted if isinstance(each, IPv4Address))
    return IPv4Address(found)
