"""Guessing slowed down: what is remembered of failed logins says how long each attempt waits."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from dataclasses import replace

from lotor.auth.bans import STEP, MemoryBans
from lotor.auth.checks import Checks
from lotor.auth.clock import SYSTEM, Clock
from lotor.auth.grouped import judge_of
from lotor.auth.local import LocalLogins
from lotor.auth.pam import PamLogins
from lotor.model.frozen import frozen
from lotor.model.login import Accepted, Challenge, EapPacket, LoginAttempt, Refused, Shown, Verdict
from lotor.model.reasons.logins import BackEndFault, NotInGroup, Throttled
from lotor.ports.auth import LoginBackend
from lotor.ports.bans import Bans, Outcome

log = logging.getLogger(__name__)

MOST_HELD = 4096
"""Logins by EAP between two packets, twice as many as may be under way; the oldest goes on as if it had just begun."""


@frozen
class _Held:
    """A login by EAP between two of its packets. `refused`: MSCHAPv2 inside has found a password wrong already."""

    ticket: int
    refused: bool = False

    @property
    def so_far(self) -> Outcome:
        return Outcome.WRONG if self.refused else Outcome.UNJUDGED


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
        self._held: OrderedDict[bytes, _Held] = OrderedDict()
        self._leaving: set[asyncio.Task[None]] = set()

    async def judge(self, attempt: LoginAttempt) -> Verdict:
        if (held := await self._going_on(attempt)) is not None:
            return await self._judged(attempt, held)
        try:
            turn = await self.bans.enter(attempt.user, attempt.source)
        except OSError as error:
            return Refused(BackEndFault(attempt.user, f"guesses cannot be counted: {error.strerror or error}"))
        if turn.wait is None:
            return Refused(Throttled(attempt.user))
        return await self._judged(replace(attempt, known=turn.known), _Held(turn.ticket), turn.wait)

    async def abandon(self, conversation: bytes) -> None:
        if (held := self._held.pop(conversation, None)) is not None:
            await self._leave(held.ticket, held.so_far)
        await self.backend.abandon(conversation)

    async def _judged(self, attempt: LoginAttempt, held: _Held, wait: float = 0.0) -> Verdict:
        outcome: Outcome | None = held.so_far
        try:
            if wait > 0:
                await self._clock.sleep(wait)
            verdict = await self.backend.judge(attempt)
            outcome = _outcome(verdict, held.so_far)
            self._forget(verdict, attempt.user)
            if isinstance(verdict, Challenge) and verdict.packet:
                outcome = None
                await self._hold(verdict, held)
        finally:
            if outcome is not None:
                await self._leave(held.ticket, outcome)
        return verdict

    async def _going_on(self, attempt: LoginAttempt) -> _Held | None:
        """A login by EAP that waited at its beginning. A server that lets the client try another password has no say in
        how fast that is: the try is one more, and waits as one."""
        held = self._held.pop(attempt.conversation, None)
        if held is None or not held.refused or _is_failure(attempt.shown):
            return held
        await self._leave(held.ticket, Outcome.WRONG)
        return None

    async def _hold(self, challenge: Challenge, held: _Held) -> None:
        """It counts as under way until its last packet."""
        refused = held.refused or _is_failure(EapPacket(challenge.packet))
        self._held[challenge.conversation] = _Held(held.ticket, refused)
        if len(self._held) > MOST_HELD:
            _, oldest = self._held.popitem(last=False)
            await self._leave(oldest.ticket, oldest.so_far)

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


def _is_failure(shown: Shown | None) -> bool:
    """Whether it is a failure of MSCHAPv2, from the server or acknowledged by the client: type 26, operation 4."""
    return isinstance(shown, EapPacket) and shown.octets[4:6] == b"\x1a\x04"


def _outcome(verdict: Verdict, so_far: Outcome) -> Outcome:
    """A challenge, or a fault, tells nothing about a password."""
    if isinstance(verdict, Accepted):
        return Outcome.PROVED
    return Outcome.WRONG if isinstance(verdict, Refused) and verdict.guess else so_far
