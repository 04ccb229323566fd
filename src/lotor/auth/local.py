"""`auth_source local`: logins of lotor's own users, who have no account on the host."""

from __future__ import annotations

from lotor.auth.passwords import NEVER_RIGHT, given_password
from lotor.auth.users import LocalUser, UserError, UserFile
from lotor.auth.workers import BUSY, BusyError, Workers, turn_of
from lotor.crypto.passwords import DEFAULT_COST, Cost, check_password, hash_password
from lotor.model.login import LATER, Accepted, LoginAttempt, Refused, Verdict


class LocalLogins:
    """Implements `ports.auth.LoginBackend`. The file is read at every login; every attempt costs one hash."""

    def __init__(self, users: UserFile, workers: Workers | None = None, cost: Cost = DEFAULT_COST) -> None:
        self._users = users
        self._workers = workers or Workers()
        self._cost = cost
        self._stand_in: str | None = None

    async def judge(self, attempt: LoginAttempt) -> Verdict:
        try:
            objection = await self._workers.run(lambda: self._objection(attempt), turn_of(attempt))
        except BusyError as fault:
            return Refused(attempt.user, str(fault), BUSY)
        except UserError as fault:
            return Refused(attempt.user, str(fault), LATER)
        return Refused(attempt.user, objection) if objection else Accepted(attempt.user)

    def _objection(self, attempt: LoginAttempt) -> str | None:
        users = self._users.list()
        user = next((one for one in users if one.name == attempt.user), None)
        password, usable = given_password(attempt)
        matches = check_password(password, user.hash if user else self._any_hash(users))
        if user is None:
            return "unknown user"
        if not matches or not usable:
            return "wrong password"
        return "the user is locked" if user.locked else None

    def _any_hash(self, users: tuple[LocalUser, ...]) -> str:
        """A hash as dear as those in the file: an unknown user is not recognised by a quicker answer."""
        if users:
            return users[0].hash
        if self._stand_in is None:
            self._stand_in = hash_password(NEVER_RIGHT, self._cost)
        return self._stand_in
