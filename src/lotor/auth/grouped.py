"""Groups that come with a login, or from a directory: who gets in by them, and who is known by them afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from lotor.auth.beat import Beat
from lotor.auth.checks import NotJudgedError
from lotor.auth.groups import everybody
from lotor.auth.ikev1 import Ikev1Days
from lotor.model.grants import MOST_GROUPS
from lotor.model.login import Accepted, LoginAttempt, Refused, Verdict
from lotor.model.reasons.logins import BackEndFault, LoginReason, NotInGroup
from lotor.ports.auth import LoginBackend

GroupSource = Callable[[str], Awaitable[frozenset[str]]]
"""The groups of a user, none for one that is not known there. Raises `OSError` with a clear text."""


class GroupedLogins:
    """A `LoginBackend` around one that knows nothing of `auth_groups`. `allowed` are those groups, none: every user
    gets in. The groups that the back end grants count, and those of `source` join them; `member`, called in a thread,
    says of a user in none of them why it does not get in either. A refusal comes on the beat, as any other. `source` is
    asked before the password is judged: neither the time of a refusal nor a source that is away tells of a password."""

    def __init__(
        self,
        backend: LoginBackend,
        allowed: tuple[str, ...],
        source: GroupSource | None = None,
        member: Callable[[str], LoginReason | None] | None = None,
        beat: Beat | None = None,
    ) -> None:
        self.backend = backend
        self._allowed = frozenset(allowed)
        self._source = source
        self._member = member if member is not None else self._is_no_member if allowed else everybody
        self._beat = beat or Beat()

    async def judge(self, attempt: LoginAttempt) -> Verdict:
        try:
            found = await self._of_source(attempt.user)
        except NotJudgedError as fault:
            if attempt.conversation:  # the back end, which hears no more of it, may hold a process for it
                await self.backend.abandon(attempt.conversation)
            return Refused(fault.reason)
        try:
            return await self._judged(attempt, found)
        except NotJudgedError as fault:
            return Refused(fault.reason)

    async def _judged(self, attempt: LoginAttempt, found: frozenset[str]) -> Verdict:
        """Raises `NotJudgedError`."""
        began = self._beat.now()
        verdict = await self.backend.judge(attempt)
        if not isinstance(verdict, Accepted):
            return verdict
        if verdict.user != attempt.user:
            found = await self._of_source(verdict.user)
        verdict = self._with(verdict, found)
        objection = await self._objection(verdict)
        if objection is None:
            return verdict
        await self._beat.next(began)
        return Refused(objection)

    async def abandon(self, conversation: bytes) -> None:
        await self.backend.abandon(conversation)

    async def _of_source(self, user: str) -> frozenset[str]:
        """Raises `NotJudgedError`."""
        try:
            return await self._source(user) if self._source is not None else frozenset()
        except OSError as error:
            text = f"the groups of users are not known: {error.strerror or error}"
            raise NotJudgedError(BackEndFault(user, text)) from None

    def _with(self, accepted: Accepted, found: frozenset[str]) -> Accepted:
        """What is allowed goes first: of very many groups not all can be told."""
        if not found:
            return accepted
        groups = accepted.grants.groups | found
        kept = sorted(groups, key=lambda each: (each not in self._allowed, each))[:MOST_GROUPS]
        return replace(accepted, grants=replace(accepted.grants, groups=frozenset(kept)))

    async def _objection(self, accepted: Accepted) -> LoginReason | None:
        if not self._allowed.isdisjoint(accepted.grants.groups):
            return None
        return await asyncio.to_thread(self._member, accepted.user)

    def _is_no_member(self, user: str) -> LoginReason:
        return NotInGroup(user, ", ".join(sorted(self._allowed)))


def judge_of(backend: LoginBackend) -> LoginBackend:
    """Who judges in the end."""
    return judge_of(backend.backend) if isinstance(backend, GroupedLogins | Ikev1Days) else backend
