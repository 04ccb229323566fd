"""Guessing slowed down: after each failed login of a user from an address the next answer there comes later."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from lotor.model.login import Accepted, LoginAttempt, Refused, Verdict
from lotor.ports.auth import LoginBackend

STEP = 1.0
LONGEST_PENALTY = 10.0
LONGEST_WAIT = 20.0
"""Seconds: who would have to wait longer, because many guesses stand in line, is refused at once."""
FORGET_AFTER = 300.0
MOST_ENTRIES = 65536

Key = tuple[IPv4Address | IPv6Address, bytes]
"""The user's name as a digest: names come from strangers and may be long."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Monotonic seconds, and how to let them pass."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


@dataclass(slots=True)
class _Record:
    """`failures` in a row, `pending` attempts without an answer yet; `free_at`: when the next one may be looked at."""

    free_at: float
    failures: int = 0
    pending: int = 0


class Throttle:
    """A `LoginBackend` around another. The n-th failure in a row adds `step` seconds, up to ten, before the next
    attempt of the same user from the same address is looked at. Attempts stand in line, and each counts as failed
    until it is answered: parallel ones gain nothing. The same user from elsewhere does not notice. `step` 0: off."""

    def __init__(self, backend: LoginBackend, step: float = STEP, clock: Clock = Clock()) -> None:
        self._backend = backend
        self._step = step
        self._clock = clock
        self.records: OrderedDict[Key, _Record] = OrderedDict()

    async def judge(self, attempt: LoginAttempt) -> Verdict:
        if self._step <= 0:
            return await self._backend.judge(attempt)
        key = _key(attempt)
        wait = self._stand_in_line(key)
        if wait is None:
            return Refused(attempt.user, "too many attempts from there are waiting for an answer already")
        verdict: Verdict | None = None
        try:
            if wait > 0:
                await self._clock.sleep(wait)
            verdict = await self._backend.judge(attempt)
        finally:
            self._note(key, verdict)
        return verdict

    def succeed(self, former: LoginBackend) -> None:
        """What another remembers of failed attempts counts here too: a reload gives no guesser a fresh start."""
        if isinstance(former, Throttle):
            self.records = former.records

    def _stand_in_line(self, key: Key) -> float | None:
        """Seconds to wait; the place in line is taken. None when the line is too long."""
        now = self._clock.now()
        self._forget(now)
        record = self.records.setdefault(key, _Record(free_at=now))
        wait = max(0.0, record.free_at - now)
        if wait > LONGEST_WAIT:
            return None
        record.pending += 1
        record.free_at = now + wait + self._penalty(record.failures + record.pending)
        return wait

    def _note(self, key: Key, verdict: Verdict | None) -> None:
        """`verdict` None: the attempt ended without one (cancelled)."""
        now = self._clock.now()
        record = self.records.setdefault(key, _Record(free_at=now))
        record.pending = max(0, record.pending - 1)
        if isinstance(verdict, Refused):
            record.failures += 1
            record.free_at = max(record.free_at, now + self._penalty(record.failures))
            self.records.move_to_end(key)
        elif isinstance(verdict, Accepted) or not (record.failures or record.pending):
            del self.records[key]

    def _penalty(self, failures: int) -> float:
        return min(failures * self._step, LONGEST_PENALTY)

    def _forget(self, now: float) -> None:
        """Records stand in the order of their last failure, nearly; a full table loses its oldest."""
        while self.records:
            key, record = next(iter(self.records.items()))
            if record.free_at + FORGET_AFTER > now and len(self.records) < MOST_ENTRIES:
                return
            del self.records[key]


def _key(attempt: LoginAttempt) -> Key:
    name = attempt.user.encode("utf-8", "surrogatepass")
    return attempt.source.site, hashlib.blake2b(name, digest_size=16).digest()
