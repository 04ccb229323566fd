"""`auth_groups`: of those with the right password, only members of certain groups get in."""

from __future__ import annotations

from lotor.auth.accounts import OF_THE_HOST, SystemFiles, groups_of
from lotor.model.login import LATER, Accepted, LoginAttempt, Refused, Verdict
from lotor.ports.auth import LoginBackend


class SystemGroups:
    """A `LoginBackend` around another: the user must be in one of the `groups` of the host, primary or not."""

    def __init__(self, backend: LoginBackend, groups: tuple[str, ...], files: SystemFiles = OF_THE_HOST) -> None:
        self._backend = backend
        self._groups = frozenset(groups)
        self._files = files

    async def judge(self, attempt: LoginAttempt) -> Verdict:
        verdict = await self._backend.judge(attempt)
        if not isinstance(verdict, Accepted):
            return verdict
        try:
            member = not self._groups.isdisjoint(groups_of(self._files, verdict.user))
        except OSError as error:
            why = f"{error.filename} cannot be read ({error.strerror}): auth_groups needs it"
            return Refused(attempt.user, why, LATER)
        wanted = ", ".join(sorted(self._groups))
        return verdict if member else Refused(attempt.user, f"not in a group of auth_groups ({wanted})")
