"""Secrets that stand in a configuration which others on this host may read."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from lotor.config.problem import Location, Problem
from lotor.config.settings import Settings


def advice(settings: Settings) -> Iterator[Problem]:
    """A warning for each file, at the first secret in it."""
    told = set[str]()
    for at in _secrets(settings):
        if at.path not in told and (mode := _open_to_others(at.path)):
            told.add(at.path)
            text = f"others on this host may read this secret: the file has mode {mode}. Type: chmod 600 {at.path}"
            yield Problem.at(at, text)


def _secrets(settings: Settings) -> Iterator[Location]:
    """Where they are written. What /etc/radius.conf holds is read as a private file, which is stricter."""
    radius, ldap, fleet = settings.radius, settings.ldap, settings.fleet
    if radius is not None:
        held = {"auth": radius.auth, "acct": radius.acct, "dynamic_client": radius.dynamic_clients}
        yield from (radius.places.of(name) for name, servers in held.items() if servers)
    if ldap is not None and ldap.bind_pw is not None:
        yield ldap.places.of("bind_pw")
    if fleet is not None and fleet.password is not None:
        yield settings.places.of("store")


def _open_to_others(path: str) -> str:
    """The mode of a file that more than root and its group may read; empty where that is not so."""
    try:
        status = Path(path).stat()
    except OSError:
        return ""
    wide = status.st_mode & stat.S_IROTH or (status.st_mode & stat.S_IRGRP and status.st_gid != 0)
    return f"{stat.S_IMODE(status.st_mode):04o}" if wide else ""
