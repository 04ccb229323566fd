"""`auth_source system`: logins of the host's own accounts, as passwd and shadow have them."""

from __future__ import annotations

import time
from collections.abc import Callable

from lotor.auth.accounts import OF_THE_HOST, Account, SystemFiles, find_account, stand_in
from lotor.auth.libcrypt import LibcryptMissingError, hash_matches
from lotor.auth.passwords import given_password
from lotor.auth.workers import BUSY, BusyError, Workers, turn_of
from lotor.model.login import LATER, Accepted, LoginAttempt, Refused, Verdict

DAY = 86400
LOCK_MARK = "!"


def today() -> int:
    """Days since 1970-01-01, as shadow counts."""
    return int(time.time() // DAY)


class SystemLogins:
    """Implements `ports.auth.LoginBackend`. Every attempt costs one hash, whoever it is for.

    The login shell does not matter: accounts for the VPN only may well have `nologin` there. Root never gets in.
    """

    def __init__(
        self, files: SystemFiles = OF_THE_HOST, workers: Workers | None = None, day: Callable[[], int] = today
    ) -> None:
        self._files = files
        self._workers = workers or Workers()
        self._day = day

    async def judge(self, attempt: LoginAttempt) -> Verdict:
        try:
            objection = await self._workers.run(lambda: self._objection(attempt), turn_of(attempt))
        except BusyError as fault:
            return Refused(attempt.user, str(fault), BUSY)
        except LibcryptMissingError as fault:
            return Refused(attempt.user, str(fault), LATER)
        except OSError as error:
            return Refused(attempt.user, f"{error.filename} cannot be read ({error.strerror}): logins need it", LATER)
        return Refused(attempt.user, objection) if objection else Accepted(attempt.user)

    def _objection(self, attempt: LoginAttempt) -> str | None:
        account = find_account(self._files, attempt.user)
        own = _own_hash(account)
        password, usable = given_password(attempt)
        matches = hash_matches(password, own or stand_in(self._files))
        if account is None:
            return "unknown user"
        if account.locked:
            return "the account is locked"
        if not (matches and usable and own):  # without a hash of its own, another's was compared for the time it takes
            return "wrong password"
        return self._forbidden(account) or account.objection(self._day())

    def _forbidden(self, account: Account) -> str | None:
        if account.uid == 0:
            return "root never logs in here"
        if self._files.nologin.exists():
            return f"{self._files.nologin} exists: nobody but root may log in to this host now"
        return None


def _own_hash(account: Account | None) -> str:
    """The account's hash, also behind a lock's mark; empty where it has none."""
    plain = account.hash.lstrip(LOCK_MARK) if account else ""
    return plain if plain.strip("*x") else ""
