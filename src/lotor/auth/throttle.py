"""Guessing slowed down: what is remembered of failed logins says how long each attempt waits."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from lotor.auth.bans import STEP, MemoryBans
from lotor.auth.checks import Checks
from lotor.auth.clock import SYSTEM, Clock
from lotor.auth.grouped import judge_of
from lotor.auth.local import LocalLogins
from lotor.auth.pam import PamLogins
from lotor.model.login import Accepted, LoginAttempt, Refused, Verdict
from lotor.model.reasons.logins import BackEndFault, NotInGroup, Throttled
from lotor.ports.auth import LoginBackend
from lotor.ports.bans import Bans, Outcome

log = logging.getLogger(__name__)


class Throttle:
    """A `LoginBackend` around another. `step` 0: nobody waits. `bans` is what is remembered: of one gateway, in memory,
    unless another one is given. Nobody is judged while it cannot be asked: a guesser would be as fast as he can."""

    def __init__(
        self,
        backend: LoginBackend,
        step: float = STEP,
        clock: Clock = SYSTEM,
        checks: Checks | None = None,
        bans: Bans | None = None,
    ) -> None:
        self.backend = backend
        self.checks = checks
        self._step = step
        self._clock = clock
        self.bans: Bans = bans or MemoryBans(step, clock)
        self._leaving: set[asyncio.Task[None]] = set()

    async def judge(self, attempt: LoginAttempt) -> Verdict:
        try:
            turn = await self.bans.enter(attempt.user, attempt.source)
        except OSError as error:
            return Refused(BackEndFault(attempt.user, f"guesses cannot be counted: {error.strerror or error}"))
        if turn.wait is None:
            return Refused(Throttled(attempt.user))
        outcome = Outcome.UNJUDGED
        try:
            if turn.wait > 0:
                await self._clock.sleep(turn.wait)
            verdict = await self.backend.judge(replace(attempt, known=turn.known))
            outcome = _outcome(verdict)
            self._forget(verdict, attempt.user)
        finally:
            await self._leave(turn.ticket, outcome)
        return verdict

    async def abandon(self, conversation: bytes) -> None:
        await self.backend.abandon(conversation)

    def take_over(self, former: LoginBackend) -> None:
        """What another remembers counts here too: a reload gives no guesser a fresh start."""
        if isinstance(former, Throttle):
            self.bans = former.bans
            self.bans.change(self._step)
            if self.checks is not None and former.checks is not None:
                self.checks.adopt(former.checks)
            own, others = judge_of(self.backend), judge_of(former.backend)
            if isinstance(own, LocalLogins) and isinstance(others, LocalLogins):
                own.take_over(others)
            if isinstance(own, PamLogins) and isinstance(others, PamLogins):
                own.take_over(others)

    def _forget(self, verdict: Verdict, user: str) -> None:
        """A remembered password costs no hash. Where its user is refused for the group, the shorter time would tell
        that it is right."""
        if self.checks is not None and isinstance(verdict, Refused) and isinstance(verdict.reason, NotInGroup):
            self.checks.proofs.forget(user)

    async def _leave(self, ticket: int, outcome: Outcome) -> None:
        """Also for a client that goes at this moment: else it would have guessed for nothing."""
        leaving = asyncio.ensure_future(self._told(ticket, outcome))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)
        await asyncio.shield(leaving)

    async def _told(self, ticket: int, outcome: Outcome) -> None:
        try:
            await self.bans.leave(ticket, outcome)
        except OSError as error:
            log.error("what became of a login was not remembered: %s", error.strerror or error)  # noqa: TRY400 - the text says all


def _outcome(verdict: Verdict) -> Outcome:
    """A challenge tells nothing about a password."""
    if isinstance(verdict, Accepted):
        return Outcome.PROVED
    return Outcome.WRONG if isinstance(verdict, Refused) and verdict.judged else Outcome.UNJUDGED
