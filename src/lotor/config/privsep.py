"""Users and groups as `privsep { }` names them: by name, or by number as text."""

from __future__ import annotations

import grp
import pwd
from collections.abc import Iterator

from lotor.config.problem import Problem
from lotor.config.settings import Privsep

ACCOUNTS = ("lotor", "nobody")
"""The account that the daemon changes to where none is configured: the first of these that this host has."""


def account(named: str) -> tuple[int, int] | None:
    """Its numbers of user and group. A number needs no account; its group is the one with the same number then."""
    try:
        found = pwd.getpwuid(int(named)) if named.isdecimal() else pwd.getpwnam(named)
    except KeyError:
        return (int(named), int(named)) if named.isdecimal() else None
    return found.pw_uid, found.pw_gid


def group(named: str) -> int | None:
    try:
        return int(named) if named.isdecimal() else grp.getgrnam(named).gr_gid
    except KeyError:
        return None


def check_privsep(privsep: Privsep | None) -> Iterator[Problem]:
    """What would keep the daemon from becoming this user, or would leave it root's rights."""
    if privsep is None:
        return
    if privsep.user is not None:
        yield from _user(privsep, privsep.user)
    if privsep.group is not None:
        yield from _group(privsep, privsep.group)


def _user(privsep: Privsep, named: str) -> Iterator[Problem]:
    found = account(named)
    if found is None:
        text = f'there is no user "{named}" on this host: name another one, or make it with useradd --system {named}'
        yield Problem.at(privsep.places.of("user"), text)
    elif found[0] == 0:
        text = "the daemon would keep what root may do: name another user, or start it with --single-process"
        yield Problem.at(privsep.places.of("user"), text)
    elif found[1] == 0 and privsep.group is None:
        text = f'the group of "{named}" is that of root: name another one with group "…";'
        yield Problem.at(privsep.places.of("user"), text)


def _group(privsep: Privsep, named: str) -> Iterator[Problem]:
    found = group(named)
    if found is None:
        yield Problem.at(privsep.places.of("group"), f'there is no group "{named}" on this host: name another one')
    elif found == 0:
        text = "the daemon would keep what the group of root may do: name another group"
        yield Problem.at(privsep.places.of("group"), text)
