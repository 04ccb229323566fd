"""Guessing slowed down, by three counters of failed logins: a user from an address, a network, a user from anywhere."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Hashable
from dataclasses import dataclass, replace

from lotor.auth.checks import Checks
from lotor.auth.clock import SYSTEM, Clock
from lotor.auth.guesses import Guesses, Rule
from lotor.auth.known import Known
from lotor.auth.sources import networks
from lotor.model.login import Accepted, LoginAttempt, Refused, Verdict
from lotor.model.network import Network
from lotor.model.reasons.logins import Throttled
from lotor.ports.auth import LoginBackend

STEP = 1.0
LONGEST_WAIT = 20.0
"""Seconds: who would have to wait longer, because many guesses stand in line, is told to come again."""

PAIR = Rule(free=0, share=1.0, longest=10.0, lined=True, strict=True, forgives=math.inf, forgets=300.0)
HOST = Rule(free=10, share=0.5, longest=10.0, lined=True, strict=False, forgives=30.0, forgets=3600.0)
ESTATE = Rule(free=40, share=0.5, longest=10.0, lined=True, strict=False, forgives=10.0, forgets=3600.0)
"""The /48 around a host of IPv6, which may be one guesser's, or four customers' of a provider."""
USER = Rule(free=10, share=0.5, longest=3.0, lined=False, strict=False, forgives=30.0, forgets=3600.0)
"""No line: whoever guesses at a user from a thousand addresses must not keep the user out."""


@dataclass(frozen=True, slots=True)
class _Count:
    """One counter of an attempt: whose record in which table, and how many failures more it may have for nothing."""

    guesses: Guesses
    key: Hashable
    allowance: int


class Memory:
    """What is known of guessers and of those who were proved."""

    def __init__(self, step: float) -> None:
        self.pairs, self.users = Guesses(PAIR, step), Guesses(USER, step)
        self.hosts, self.estates = Guesses(HOST, step), Guesses(ESTATE, step)
        self.known = Known()

    def change(self, step: float) -> None:
        for table in (self.pairs, self.users, self.hosts, self.estates):
            table.step = step


class Throttle:
    """A `LoginBackend` around another. Failures make later attempts wait: those of the same user from the same address,
    from the first on; those from the same network, when more fail than the people who were proved there may mistype;
    those of the same user from anywhere, a few seconds at most. Who was proved from there lately waits for the first of
    these only. Attempts that are not judged (no room, a fault) count for nothing. `step` 0: off."""

    def __init__(
        self, backend: LoginBackend, step: float = STEP, clock: Clock = SYSTEM, checks: Checks | None = None
    ) -> None:
        self._backend = backend
        self.checks = checks
        self._step = step
        self._clock = clock
        self.memory = Memory(step)

    async def judge(self, attempt: LoginAttempt) -> Verdict:
        place, user = networks(attempt.source), _digest(attempt.user)
        known = self.memory.known.has(place, user, self._clock.now())
        attempt = replace(attempt, known=known)
        verdict = await (self._slowly(attempt, place, user) if self._step > 0 else self._backend.judge(attempt))
        if isinstance(verdict, Accepted):
            self.memory.known.note(place, user, self._clock.now())
        return verdict

    async def abandon(self, conversation: bytes) -> None:
        await self._backend.abandon(conversation)

    def succeed(self, former: LoginBackend) -> None:
        """What another remembers counts here too: a reload gives no guesser a fresh start."""
        if isinstance(former, Throttle):
            self.memory = former.memory
            self.memory.change(self._step)
            if self.checks is not None and former.checks is not None:
                self.checks.adopt(former.checks)

    async def _slowly(self, attempt: LoginAttempt, place: tuple[Network, ...], user: Hashable) -> Verdict:
        counts, now = self._counts(place, user), self._clock.now()
        obeyed = counts[:1] if attempt.known else counts
        wait = max(each.guesses.wait(each.key, now, each.allowance) for each in obeyed)
        if wait > LONGEST_WAIT:
            return Refused(Throttled(attempt.user))
        for each in counts:
            each.guesses.join(each.key, now, each.allowance, waits=each in obeyed)
        failed: bool | None = None
        try:
            if wait > 0:
                await self._clock.sleep(wait)
            verdict = await self._backend.judge(attempt)
            failed = _failed(verdict)
        finally:
            for each in counts:
                each.guesses.note(each.key, self._clock.now(), failed, each.allowance)
        return verdict

    def _counts(self, place: tuple[Network, ...], user: Hashable) -> list[_Count]:
        """That of the pair first."""
        memory = self.memory
        own = [_Count(memory.pairs, (place[0], user), 0), _Count(memory.users, user, 0)]
        tables = (memory.hosts, memory.estates)
        return own + [
            _Count(table, network, memory.known.users(network)) for table, network in zip(tables, place, strict=False)
        ]


def _failed(verdict: Verdict) -> bool | None:
    """None for an attempt that tells nothing about a password."""
    if isinstance(verdict, Accepted):
        return False
    return True if isinstance(verdict, Refused) and verdict.judged else None


def _digest(user: str) -> bytes:
    """Names come from strangers and may be long. Spelled otherwise they are others: so both back ends have it."""
    return hashlib.blake2b(user.encode("utf-8", "surrogatepass"), digest_size=16).digest()
