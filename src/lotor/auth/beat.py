"""When a refusal is told: on a beat that is the same for every one, whatever is wrong and however long that took."""

from __future__ import annotations

from collections import deque

from lotor.auth.clock import SYSTEM, Clock
from lotor.model.login import LoginAttempt, Refused, Verdict
from lotor.model.prompt import Field
from lotor.model.reasons.logins import LoginReason, ServerRefused, WrongPassword
from lotor.ports.auth import LoginBackend

BEAT = 0.25
"""Seconds: refusals are told that long after the attempt came, or a whole multiple of it. Every hash takes less."""
LAST_LEG = 0.05
RECENT = 32
LATEST = 5.0
"""Seconds: servers that answer a wrong password late on purpose do it within these."""


class Beat:
    """A beat of `seconds`."""

    def __init__(self, clock: Clock = SYSTEM, seconds: float = BEAT) -> None:
        self._clock = clock
        self._seconds = seconds

    def now(self) -> float:
        return self._clock.now()

    async def next(self, began: float, *, weighs: bool = True) -> None:
        """`weighs`: the refusal took as long as a wrong password takes."""
        del weighs
        await self._reach(began, self._clock.now() - began)

    async def _reach(self, began: float, passed: float) -> None:
        """In two legs, the last of one length for all: who sleeps longer is woken later by the system, if by little."""
        beat = began + passed - passed % self._seconds + self._seconds
        for instant in (beat - LAST_LEG, beat):
            if (rest := instant - self._clock.now()) > 0:
                await self._clock.sleep(rest)


class SteadyBeat(Beat):
    """For what another host judges, where one refusal may take longer than another, some on purpose: each is told as
    late as the latest of the last `RECENT` that weigh."""

    def __init__(self, clock: Clock = SYSTEM, seconds: float = BEAT) -> None:
        super().__init__(clock, seconds)
        self._recent: deque[float] = deque(maxlen=RECENT)

    async def next(self, began: float, *, weighs: bool = True) -> None:
        passed = self.now() - began
        if weighs:
            self._recent.append(min(passed, LATEST))
        await self._reach(began, max((passed, *self._recent)))


class NoBeat(Beat):
    """For what stands inside of `OnBeat`."""

    async def next(self, began: float, *, weighs: bool = True) -> None:
        """At once."""


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
            await self._beat.next(began, weighs=_weighs(attempt, verdict.reason))
        return verdict

    async def abandon(self, conversation: bytes) -> None:
        await self.backend.abandon(conversation)


def _weighs(attempt: LoginAttempt, reason: LoginReason) -> bool:
    """Whether a server looked at a password that was wrong. Refusals that anybody can have sooner, whenever he likes,
    must not crowd the late ones out: an empty password, a name that is too long, his own right one without a group."""
    if not isinstance(reason, WrongPassword):
        return isinstance(reason, ServerRefused)
    unread = any(b"\0" in answer.reveal() for _, answer in attempt.answers)
    return bool(attempt.answer(Field.PASSWORD)) and not unread
