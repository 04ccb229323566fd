"""`auth_groups`: of those with the right password, only members of certain groups get in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from lotor.auth.accounts import OF_THE_HOST, Accounts, SystemFiles
from lotor.auth.checks import NotJudgedError
from lotor.model.login import Accepted, LoginAttempt, Refused, Verdict
from lotor.model.reasons.logins import BackEndFault, LoginReason, NotInGroup
from lotor.ports.auth import LoginBackend


def everybody(name: str) -> LoginReason | None:
    """Where there is no `auth_groups`."""
    del name
    return None


class Membership:
    """Called with a name: why it is not let in, None when it is in one of the `groups` of the host, primary or not.
    Raises `NotJudgedError`."""

    def __init__(self, groups: tuple[str, ...], files: SystemFiles = OF_THE_HOST) -> None:
        self._groups = frozenset(groups)
        self._accounts = Accounts(files)

    def __call__(self, name: str) -> LoginReason | None:
        try:
            member = not self._groups.isdisjoint(self._accounts.groups_of(name))
        except OSError as error:
            detail = f"{error.filename} cannot be read ({error.strerror}): auth_groups needs it"
            raise NotJudgedError(BackEndFault(name, detail)) from None
        return None if member else NotInGroup(name, ", ".join(sorted(self._groups)))


class OnlyMembers:
    """A `LoginBackend` around one that knows nothing of `auth_groups`: a user gets in whom the back end grants one of
    the `groups`, or whom `member` finds in one. `member` None: nobody else is asked. No `groups`: everybody gets in."""

    def __init__(
        self, backend: LoginBackend, groups: tuple[str, ...], member: Callable[[str], LoginReason | None] | None
    ) -> None:
        self._backend = backend
        self._groups = frozenset(groups)
        self._member = member or self._outside

    async def judge(self, attempt: LoginAttempt) -> Verdict:
        verdict = await self._backend.judge(attempt)
        if not isinstance(verdict, Accepted) or not self._groups or self._groups & verdict.grants.groups:
            return verdict
        try:
            objection = await asyncio.to_thread(self._member, verdict.user)
        except NotJudgedError as fault:
            return Refused(fault.reason)
        return verdict if objection is None else Refused(objection)

    async def abandon(self, conversation: bytes) -> None:
        await self._backend.abandon(conversation)

    def _outside(self, name: str) -> LoginReason:
        return NotInGroup(name, ", ".join(sorted(self._groups)))
