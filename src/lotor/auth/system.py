"""`auth_source system`: logins of the host's own accounts, as passwd and shadow have them."""

from __future__ import annotations

import time
from collections.abc import Callable

from lotor.auth.accounts import OF_THE_HOST, Account, Accounts, SystemFiles
from lotor.auth.checks import Case, Checks, NoHashError, NotJudgedError
from lotor.auth.groups import everybody
from lotor.auth.libcrypt import LibcryptMissingError, UncomputableError, hash_matches
from lotor.model.login import LoginAttempt, Verdict
from lotor.model.secret import Secret

DAY = 86400
LOCKED = "the account is locked"


def today() -> int:
    """Days since 1970-01-01, as shadow counts."""
    return int(time.time() // DAY)


class SystemLogins:
    """Implements `ports.auth.LoginBackend`, over files that are looked at for every login. `member` says why somebody
    with the right password may not come in all the same.

    The login shell does not matter: accounts for the VPN only may well have `nologin` there. Root never gets in.
    """

    def __init__(
        self,
        files: SystemFiles = OF_THE_HOST,
        checks: Checks | None = None,
        day: Callable[[], int] = today,
        member: Callable[[str], str | None] = everybody,
    ) -> None:
        self.checks = checks or Checks()
        self._files = files
        self._accounts = Accounts(files)
        self._day = day
        self._member = member

    async def judge(self, attempt: LoginAttempt) -> Verdict:
        return await self.checks.judge(attempt, self)

    async def abandon(self, conversation: bytes) -> None:
        """A password is all there is: no conversation has a second round."""

    def find(self, name: str) -> Case:
        try:
            account, stand_ins = self._accounts.find(name), self._accounts.stand_ins(name)
        except OSError as error:
            raise NotJudgedError(f"{error.filename} cannot be read ({error.strerror}): logins need it") from None
        excluded, closed = self._member(name), self._closed()
        if account is None:
            return Case("", "", stand_ins, "unknown user")
        if account.locked:
            return Case(account.entry, account.own_hash, stand_ins, LOCKED, LOCKED)
        objection = self._forbidden(account) or closed or account.objection(self._day()) or excluded
        return Case(account.entry, account.own_hash, stand_ins, "wrong password", objection)

    def fits(self, password: Secret, stored: str) -> bool:
        try:
            return hash_matches(password, stored)
        except UncomputableError:
            raise NoHashError from None
        except LibcryptMissingError as fault:
            raise NotJudgedError(str(fault)) from None

    def proved(self, case: Case, password: Secret) -> str:
        """Nothing is written into shadow."""
        del password
        return case.entry

    def _forbidden(self, account: Account) -> str | None:
        return "root never logs in here" if account.uid == 0 else None

    def _closed(self) -> str | None:
        if self._files.nologin.exists():
            return f"{self._files.nologin} exists: nobody but root may log in to this host now"
        return None
