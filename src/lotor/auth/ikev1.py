"""The last day of IKEv1: who still logs in by it afterwards is refused, and hears why."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date

from lotor.auth.checks import NotJudgedError
from lotor.auth.clock import SYSTEM, Clock
from lotor.auth.dates import end_of
from lotor.model.frozen import frozen
from lotor.model.login import Accepted, LoginAttempt, Refused, Verdict
from lotor.model.reasons.logins import BackEndFault, Ikev1Ended
from lotor.ports.auth import LoginBackend


@frozen
class Until:
    """Whose last day is which. `everybody`: None for no day. `groups`: of the blocks of `mode_cfg`, in their order,
    None where one says nothing. `groups_of`: the groups of a user beside those that came with the login (raises
    `OSError`); `own`: the day that the list of users has for one (raises `NotJudgedError`). Both may block, and each is
    None where nobody has any."""

    everybody: date | None = None
    groups: tuple[tuple[str, date | None], ...] = ()
    groups_of: Callable[[str], frozenset[str]] | None = None
    own: Callable[[str], date | None] | None = None

    @property
    def any(self) -> bool:
        """Whether there can be a day."""
        return self.own is not None or self.everybody is not None or any(day for _, day in self.groups)

    def day(self, user: str, groups: frozenset[str]) -> date | None:
        """The user's own day goes first, then that of the first block of a group of the user, as with everything that
        these blocks say. Raises `OSError`, `NotJudgedError`."""
        if self.own is not None and (own := self.own(user)) is not None:
            return own
        if not any(day for _, day in self.groups):
            return self.everybody
        known = groups | self.groups_of(user) if self.groups_of is not None else groups
        first = next((day for name, day in self.groups if name in known), None)
        return first if first is not None else self.everybody


class Ikev1Days:
    """A `LoginBackend` around another, whose yes to a login by IKEv1 does not count after the last day. No refusal is
    held back: it tells the person that the password was right."""

    def __init__(self, backend: LoginBackend, until: Until, clock: Clock = SYSTEM) -> None:
        self.backend = backend
        self._until = until
        self._clock = clock

    async def judge(self, attempt: LoginAttempt) -> Verdict:
        verdict = await self.backend.judge(attempt)
        if attempt.ike != 1 or not isinstance(verdict, Accepted):
            return verdict
        try:
            day = await asyncio.to_thread(self._until.day, verdict.user, verdict.grants.groups)
        except NotJudgedError as fault:
            return Refused(fault.reason.but(user=attempt.user))
        except OSError as error:
            return Refused(BackEndFault(attempt.user, f"the last day of IKEv1: {error.strerror or error}"))
        over = day is not None and self._clock.wall() >= end_of(day)
        return Refused(Ikev1Ended(attempt.user, f"{day}")) if over else verdict

    async def abandon(self, conversation: bytes) -> None:
        await self.backend.abandon(conversation)
