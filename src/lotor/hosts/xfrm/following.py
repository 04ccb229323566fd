"""What other programs do to policies, and what becomes of it: lotor's SAs serve policies of a script, and lotor's own
policies that somebody took away are put back."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from lotor.hosts.xfrm.entries import PoliciesLost, Policy, PolicyGone, PolicyId, PolicySet, Wanted
from lotor.hosts.xfrm.others import MOST, Others, Terms, is_for, outside, terms_of
from lotor.hosts.xfrm.pair import Pair
from lotor.hosts.xfrm.policies import Policies
from lotor.hosts.xfrm.sas import LostError, Sas
from lotor.hosts.xfrm.table import XfrmTable
from lotor.model.network import Address, Instant

log = logging.getLogger(__name__)

FOLLOWS_AGAIN = 1.0
"""Seconds: an SA takes another reqid so often at most, and policies are looked at so often, whoever changes them."""
SAID_AGAIN = 60.0
"""Seconds in which the log has one line of policies that were put back."""
MOST_SAID = 16
"""Peers of which a line says that packets wait there for nothing."""
SERVES = "SA pair %d serves a policy of another program (reqid %d)"
SERVES_OWN = "SA pair %d serves lotor's own policies again (reqid %d)"


@dataclass(frozen=True, slots=True)
class Led:
    """What has to follow: the `pairs` by number, and how one ends whose SA was lost on the way (`lose`)."""

    table: XfrmTable
    policies: Policies
    sas: Sas
    pairs: Mapping[int, Pair]
    lose: Callable[[Pair, LostError], Awaitable[None]]


@dataclass(slots=True)
class Following:
    """One call at a time. `interface`: the number of lotor's xfrm interface, 0 for none. `doubtful`: the kernel may
    have other policies than is known here, which is so at the start."""

    engine: Led
    interface: int
    clock: Callable[[], Instant]
    others: Others = field(default_factory=Others)
    doubtful: bool = True
    _looked: Instant | None = None
    _put_back: Instant | None = None
    _many: bool = False
    _said: set[tuple[Address, Address]] = field(default_factory=set)

    def begin(self, pair: Pair) -> None:
        """A pair that is not installed yet: what sends from its first moment on has the reqid that it needs."""
        terms = self.others.terms(pair) if pair.sending else None
        if terms is not None and terms != _has(pair):
            pair.outbound.sa, pair.outbound.comp = terms.of(pair.outbound.sa), None
            pair.led = self.clock()
            log.info(SERVES, pair.child.id, terms.reqid)

    async def follow(self, *some: Pair) -> None:
        """They serve the policies of other programs. One that cannot goes on as it was."""
        for pair in some:
            try:
                await self._follow(pair)
            except LostError as lost:
                await self.engine.lose(pair, lost)
            except OSError as error:
                log.warning("SA pair %d does not serve a policy: %s", pair.child.id, error.strerror or error)

    async def _follow(self, pair: Pair) -> None:
        """Nothing for a pair that does not send yet: the one before still does."""
        wanted, now = self.others.terms(pair), self.clock()
        terms = wanted or Terms(pair.own, self.interface)
        if terms == _has(pair) or pair.over or not pair.sending:
            return
        if wanted is not None and pair.led is not None and now < pair.led + FOLLOWS_AGAIN:
            self.doubtful = True
            return
        pair.led = now if wanted is not None else pair.led
        log.info(SERVES if wanted is not None else SERVES_OWN, pair.child.id, terms.reqid)
        await self.engine.sas.lead(pair, terms, lambda: self.engine.policies.settle(pair.ends), now)

    def matters(self, gone: PolicyId) -> bool:
        """Whether somebody else took it away, as far as is known now."""
        return gone[-1] or self.engine.policies.has(gone)

    async def changed(self, told: PoliciesLost | PolicyGone | PolicySet | Wanted) -> bool:
        """Whether SAs have to be looked at: a packet waits for one of lotor's, which went, and nobody heard of it."""
        match told:
            case PoliciesLost():
                self.others.clear()
                self.doubtful = True
            case PolicyGone(selector=selector):
                self.doubtful = self.doubtful or self.engine.policies.has(selector)
                if (gone := self.others.drop(selector)) is not None:
                    await self.follow(*self._between(gone))
            case PolicySet(policy=policy):
                await self._set(policy)
            case Wanted(policy=policy) if policy.foreign:
                await self._set(policy)
                self._wanted(policy)
            case Wanted():
                return True
        return False

    async def _set(self, policy: Policy) -> None:
        if self.others.put(policy):
            await self.follow(*(self.engine.pairs.values() if self.others.too_many else self._between(policy)))

    def _between(self, policy: Policy) -> list[Pair]:
        """Those between its outer addresses."""
        ends, there = outside(policy), self.engine.pairs.values()
        return [each for each in there if (each.path.local.address, each.path.remote.address) == ends]

    def _wanted(self, policy: Policy) -> None:
        """A packet waits: says so where no SA comes for it."""
        ends, terms = outside(policy), terms_of(policy)
        served = any(is_for(policy, each) and terms == _has(each) for each in self._between(policy))
        if served or self.doubtful or ends in self._said or len(self._said) >= MOST_SAID:
            return
        self._said.add(ends)
        text = "packets %s to %s wait for ESP between %s and %s by another program's policy: no SA of lotor's serves it"
        log.info(text, policy.source, policy.destination, *ends)

    async def look(self) -> None:
        """At all policies, where that is due: every pair may have to follow. What could not be put back is, with the
        next change. Raises `OSError`: they are looked at once more."""
        if not self.doubtful:
            return
        now = self.clock()
        if self._looked is not None and now < self._looked + FOLLOWS_AGAIN:
            return
        self._looked = now
        found = await self.engine.table.list_policies()
        self.doubtful = False
        self.others.clear()
        for each in found:
            if each.foreign:
                self.others.put(each)
        if self.others.too_many and not self._many:
            log.warning("other programs have more than %d policies: SA pairs of lotor's serve none of them", MOST)
        self._many = self.others.too_many
        with contextlib.suppress(OSError):
            await self._mend({each.selector for each in found if not each.foreign}, now)
        await self.follow(*self.engine.pairs.values())

    async def _mend(self, there: set[PolicyId], now: Instant) -> None:
        missing = self.engine.policies.missing(there)
        if not missing:
            return
        if self._put_back is None or now >= self._put_back + SAID_AGAIN:
            text = "another program took policies away (`ip xfrm policy`, setkey): those of %d networks are put back"
            log.warning(text, len(missing))
            self._put_back = now
        await self.engine.policies.settle(missing)


def _has(pair: Pair) -> Terms:
    return terms_of(pair.outbound.sa)
