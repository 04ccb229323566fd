"""`auth_groups`: of those with the right password, only members of certain groups get in."""

from __future__ import annotations

from lotor.auth.accounts import OF_THE_HOST, Accounts, SystemFiles
from lotor.auth.checks import NotJudgedError
from lotor.model.reasons.logins import BackEndFault, LoginReason, NotInGroup


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
