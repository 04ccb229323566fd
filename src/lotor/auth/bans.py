"""What is remembered of guessers, in memory: counters of failed logins, and whose password was right lately."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Hashable
from itertools import count

from lotor.auth.clock import SYSTEM, Clock
from lotor.auth.guesses import Guesses, Rule
from lotor.auth.known import Known
from lotor.auth.sources import places
from lotor.model.ban import known_as
from lotor.model.frozen import frozen
from lotor.model.network import Peer
from lotor.ports.bans import Outcome, Turn

STEP = 1.0
LONGEST_WAIT = 20.0
"""Seconds: an attempt that would wait longer than this, because of many guesses before it, is refused at once."""
MOST_OPEN = 65536
"""Attempts under way: a gateway has some thousands at most."""

PAIR = Rule(free=0, share=1.0, longest=10.0, lined=True, strict=True, forgives=math.inf, forgets=300.0)
HOST = Rule(free=10, share=0.5, longest=10.0, lined=True, strict=False, forgives=30.0, forgets=3600.0)
ESTATE = Rule(free=40, share=0.5, longest=10.0, lined=True, strict=False, forgives=10.0, forgets=3600.0)
"""The /48 around a host of IPv6, which may be one guesser's, or four customers' of a provider."""
USER = Rule(free=10, share=0.5, longest=3.0, lined=False, strict=False, forgives=30.0, forgets=3600.0)
"""No line: guesses at a user from a thousand addresses must not keep the user out."""

_FAILED = {Outcome.WRONG: True, Outcome.PROVED: False, Outcome.UNJUDGED: None}


@frozen
class _Count:
    """One counter of an attempt: whose record in which table, and how many failures more it may have for nothing."""

    guesses: Guesses
    key: Hashable
    allowance: int


@frozen
class _Attempt:
    """One under way: who, from which networks, and the counters that it joined."""

    place: tuple[bytes, ...]
    user: Hashable
    counts: tuple[_Count, ...]


class MemoryBans:
    """Implements `ports.Bans`. Failures make later attempts wait: those of the same user from the same address, from
    the first on; those from the same network, when more fail than the people who were proved there may mistype; those
    of the same user from anywhere, a few seconds at most. Who was proved from there lately waits for the first of these
    only. Attempts that are not judged (no room, a fault) count for nothing."""

    def __init__(self, step: float = STEP, clock: Clock = SYSTEM) -> None:
        self._clock = clock
        self._step = step
        self.pairs, self.users = Guesses(PAIR, step), Guesses(USER, step)
        self.hosts, self.estates = Guesses(HOST, step), Guesses(ESTATE, step)
        self.known = Known()
        self._open: dict[int, _Attempt] = {}
        self._tickets = count(1)

    def knows(self, user: str, source: Peer) -> bool:
        return self.known.has(places(source), digest(user), self._clock.now())

    async def enter(self, user: str, source: Peer, *, vouched: bool = False) -> Turn:
        """`vouched`: another gateway knows the user from there."""
        place, name, now = places(source), digest(user), self._clock.now()
        known = vouched or self.known.has(place, name, now)
        counts = self._counts(place, name) if self._step > 0 else ()
        obeyed = counts[:1] if known else counts
        wait = max((each.guesses.wait(each.key, now, each.allowance) for each in obeyed), default=0.0)
        ticket = next(self._tickets)
        if wait > LONGEST_WAIT:
            return Turn(ticket, known, None)
        for each in counts:
            each.guesses.join(each.key, now, each.allowance, waits=each in obeyed)
        if len(self._open) >= MOST_OPEN:
            self._leave(next(iter(self._open)), Outcome.UNJUDGED)
        self._open[ticket] = _Attempt(place, name, counts)
        return Turn(ticket, known, wait)

    async def leave(self, ticket: int, outcome: Outcome) -> None:
        self._leave(ticket, outcome)

    def change(self, step: float) -> None:
        self._step = step
        for table in (self.pairs, self.users, self.hosts, self.estates):
            table.step = step

    def _leave(self, ticket: int, outcome: Outcome) -> None:
        attempt, now = self._open.pop(ticket, None), self._clock.now()
        if attempt is None:
            return
        for each in attempt.counts:
            each.guesses.note(each.key, now, _FAILED[outcome], each.allowance)
        if outcome is Outcome.PROVED:
            self.known.note(attempt.place, attempt.user, now)

    def _counts(self, place: tuple[bytes, ...], user: Hashable) -> tuple[_Count, ...]:
        """That of the pair first."""
        own = (_Count(self.pairs, (place[0], user), 0), _Count(self.users, user, 0))
        tables = (self.hosts, self.estates)
        beside = (_Count(table, each, self.known.users(each)) for table, each in zip(tables, place, strict=False))
        return (*own, *beside)


def digest(user: str) -> bytes:
    """Names come from strangers and may be long. Spelled otherwise they are the same: so directories have it."""
    return hashlib.blake2b(known_as(user).encode("utf-8", "surrogatepass"), digest_size=16).digest()
