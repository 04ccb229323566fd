"""`group_source ldap` for logins that another back end judges: the groups that a directory knows come with the yes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from lotor.model.login import Accepted, LoginAttempt, Refused, Verdict
from lotor.model.reasons.logins import BackEndFault
from lotor.ports.auth import LoginBackend


class DirectoryGroups:
    """Implements `ports.auth.LoginBackend` around another one. `groups_of` raises `OSError` where the directory cannot
    tell: then nobody gets in, since a rule may deny one of the groups."""

    def __init__(self, backend: LoginBackend, groups_of: Callable[[str], Awaitable[frozenset[str]]]) -> None:
        self._backend = backend
        self._groups_of = groups_of

    async def judge(self, attempt: LoginAttempt) -> Verdict:
        verdict = await self._backend.judge(attempt)
        if not isinstance(verdict, Accepted):
            return verdict
        try:
            groups = await self._groups_of(verdict.user)
        except OSError as fault:
            return Refused(BackEndFault(attempt.user, fault.strerror or str(fault)))
        return replace(verdict, grants=replace(verdict.grants, groups=groups))

    async def abandon(self, conversation: bytes) -> None:
        await self._backend.abandon(conversation)
