"""`auth_source local`: logins of lotor's own users, who have no account on the host."""

from __future__ import annotations

from collections.abc import Callable

from lotor.auth.checks import Case, Checks, NoHashError, NotJudgedError
from lotor.auth.groups import everybody
from lotor.auth.renewals import Renewals
from lotor.auth.users import UserError, UserFile
from lotor.crypto.passwords import NotPhcError, check_password
from lotor.model.login import LoginAttempt, Verdict
from lotor.model.reasons import logins
from lotor.model.reasons.logins import LoginReason
from lotor.model.secret import Secret


class LocalLogins:
    """Implements `ports.auth.LoginBackend`, over a file that is looked at for every login. `member` says why a user
    with the right password may not log in."""

    def __init__(
        self, users: UserFile, checks: Checks | None = None, member: Callable[[str], LoginReason | None] = everybody
    ) -> None:
        self.checks = checks or Checks()
        self._users = users
        self._member = member
        self._renewals = Renewals(users)

    async def judge(self, attempt: LoginAttempt) -> Verdict:
        return await self.checks.judge(attempt, self)

    async def abandon(self, conversation: bytes) -> None:
        """A password is all there is: no conversation has a second round."""

    def take_over(self, former: LocalLogins) -> None:
        """What the other one is about to write into the same file, this one must not take for a change of the
        administrator's."""
        if former._users.path == self._users.path:
            self._renewals = former._renewals

    def find(self, name: str) -> Case:
        try:
            users = self._users.current()
        except UserError as fault:
            raise NotJudgedError(logins.BackEndFault(name, str(fault))) from None
        user, excluded, stand_ins = users.get(name), self._member(name), users.stand_ins(name)
        if user is None:
            return Case("", "", stand_ins, logins.UnknownUser(name))
        objection = logins.Locked(name, "user") if user.locked else excluded
        return Case(user.line(), user.hash, stand_ins, logins.WrongPassword(name), objection)

    def fits(self, password: Secret, stored: str) -> bool:
        try:
            return check_password(password, stored)
        except NotPhcError:
            raise NoHashError from None

    def proved(self, case: Case, password: Secret) -> str:
        return self._renewals.renewed(case.entry, password)
