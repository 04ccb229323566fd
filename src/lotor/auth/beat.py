"""When a refusal is told: on a beat that is the same for every one, whatever is wrong and however long that took."""

from __future__ import annotations

from lotor.auth.clock import SYSTEM, Clock
from lotor.model.login import LoginAttempt, Refused, Verdict
from lotor.ports.auth import LoginBackend

BEAT = 0.25
"""Seconds: refusals are told that long after the attempt came, or a whole multiple of it. Every hash takes less."""
LAST_LEG = 0.05


class Beat:
    """A beat of `seconds`."""

    def __init__(self, clock: Clock = SYSTEM, seconds: float = BEAT) -> None:
        self._clock = clock
        self._seconds = seconds

    def now(self) -> float:
        return self._clock.now()

    async def next(self, began: float) -> None:
        """In two legs, the last of one length for all: who sleeps longer is woken later by the system, if by little."""
        passed = self._clock.now() - began
        beat = began + passed - passed % self._seconds + self._seconds
        for instant in (beat - LAST_LEG, beat):
            if (rest := instant - self._clock.now()) > 0:
                await self._clock.sleep(rest)


class OnBeat:
    """A `LoginBackend` around one that asks a server, and so cannot say itself how long a refusal takes. What was not
    judged is told at once: it says nothing of a user or a password."""

    def __init__(self, backend: LoginBackend, beat: Beat | None = None) -> None:
        self.backend = backend
        self._beat = beat or Beat()

    async def judge(self, attempt: LoginAttempt) -> Verdict:
        began = self._beat.now()
        verdict = await self.backend.judge(attempt)
        if isinstance(verdict, Refused) and verdict.judged:
            await self._beat.next(began)
        return verdict

    async def abandon(self, conversation: bytes) -> None:
        await self.backend.abandon(conversation)
