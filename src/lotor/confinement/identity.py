"""Which user and group a daemon becomes: those of `privsep { }`, else an account of its own, else nobody."""

from __future__ import annotations

import grp
import pwd

from lotor.config.privsep import ACCOUNTS, account, group
from lotor.config.settings import Privsep
from lotor.model.frozen import frozen


@frozen
class Identity:
    """Names are for people; the numbers count."""

    uid: int
    gid: int
    user: str
    group: str

    @property
    def word(self) -> str:
        """For a command line."""
        return f"{self.uid}:{self.gid}:{self.user}:{self.group}"

    @classmethod
    def of(cls, word: str) -> Identity:
        """What `word` gave. `ValueError` for anything else."""
        uid, gid, user, named = word.split(":")
        return cls(int(uid), int(gid), user, named)


def unprivileged(privsep: Privsep | None) -> Identity:
    """The user and group that the settings name. `LookupError` with a whole sentence where this host does not know
    them."""
    named = privsep.user if privsep is not None and privsep.user is not None else _own()
    user = account(named)
    if user is None:
        raise LookupError(f'there is no user "{named}" on this host: name another one in privsep {{ }}')
    uid, gid = user
    if privsep is not None and privsep.group is not None:
        gid = _group(privsep.group)
    if 0 in {uid, gid}:
        raise LookupError(f'the daemon would keep rights of root as "{named}": name another user in privsep {{ }}')
    return Identity(uid, gid, user_name(uid), _group_name(gid))


def _own() -> str:
    return next((name for name in ACCOUNTS if account(name) is not None), ACCOUNTS[-1])


def _group(named: str) -> int:
    found = group(named)
    if found is None:
        raise LookupError(f'there is no group "{named}" on this host: name another one in privsep {{ }}')
    return found


def user_name(uid: int) -> str:
    """As this host knows it, else its number."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
