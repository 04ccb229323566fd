"""`auth_source system`: logins of the host's own accounts, as passwd and shadow have them."""

from __future__ import annotations

import time
from collections.abc import Callable

from lotor.auth import readmission
from lotor.auth.accounts import OF_THE_HOST, Account, Accounts, SystemFiles
from lotor.auth.checks import Case, Checks, NoHashError, NotJudgedError
from lotor.auth.groups import everybody
from lotor.auth.libcrypt import LibcryptMissingError, UncomputableError, hash_matches
from lotor.auth.readmission import Readmission
from lotor.model.login import Accepted, LoginAttempt, Verdict, unable
from lotor.model.reasons import logins
from lotor.model.reasons.logins import LoginReason
from lotor.model.secret import Secret

DAY = 86400


def today() -> int:
    """Days since 1970-01-01, as shadow counts."""
    return int(time.time() // DAY)


class SystemLogins:
    """Implements `ports.auth.LoginBackend`, over files that are looked at for every login. `member` says why a user
    with the right password may not log in.

    The login shell does not matter: accounts for the VPN only may well have `nologin` there. Root never gets in.
    """

    def __init__(
        self,
        files: SystemFiles = OF_THE_HOST,
        checks: Checks | None = None,
        day: Callable[[], int] = today,
        member: Callable[[str], LoginReason | None] = everybody,
    ) -> None:
        self.checks = checks or Checks()
        self._files = files
        self._accounts = Accounts(files)
        self._day = day
        self._member = member

    async def judge(self, attempt: LoginAttempt) -> Verdict:
        if isinstance(attempt.shown, Readmission):
            return await self.checks.told(attempt.user, self._again(attempt.user, attempt.shown))
        if (objection := unable(attempt, "system")) is not None:
            return objection
        return await self.checks.judge(attempt, self)

    async def abandon(self, conversation: bytes) -> None:
        """A password is all there is: no conversation has a second round."""

    async def mark(self, user: str) -> bytes | None:
        return await readmission.mark(self.checks.look, self.find, "system", user)

    async def _again(self, user: str, shown: Readmission) -> Accepted | LoginReason:
        objection = await readmission.objection(self.checks.look, self.find, "system", user, shown)
        return objection or Accepted(user)

    def find(self, name: str) -> Case:
        try:
            account, stand_ins = self._accounts.find(name), self._accounts.stand_ins(name)
        except OSError as error:
            detail = f"{error.filename} cannot be read ({error.strerror}): logins need it"
            raise NotJudgedError(logins.BackEndFault(name, detail)) from None
        excluded, closed = self._member(name), self._closed(name)
        if account is None:
            return Case("", "", stand_ins, logins.UnknownUser(name))
        if account.locked:
            locked = logins.Locked(name, "account")
            return Case(account.entry, account.own_hash, stand_ins, locked, locked)
        objection = self._forbidden(account) or closed or account.objection(self._day()) or excluded
        return Case(account.entry, account.own_hash, stand_ins, logins.WrongPassword(name), objection)

    def fits(self, password: Secret, stored: str) -> bool:
        try:
            return hash_matches(password, stored)
        except UncomputableError:
            raise NoHashError from None
        except LibcryptMissingError as fault:
            raise NotJudgedError(logins.BackEndFault("", str(fault))) from None

    def proved(self, case: Case, password: Secret) -> str:
        """Nothing is written into shadow."""
        del password
        return case.entry

    def _forbidden(self, account: Account) -> LoginReason | None:
        return logins.RootNever(account.name) if account.uid == 0 else None

    def _closed(self, name: str) -> LoginReason | None:
        nologin = self._files.nologin
        return logins.HostClosed(name, str(nologin)) if nologin.exists() else None
