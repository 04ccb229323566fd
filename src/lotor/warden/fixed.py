"""Addresses that lotor's own users have of their administrator: the pool gives them to nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from lotor.auth import UserError, UserFile
from lotor.config.settings import AuthSource, Settings
from lotor.model.network import Address

Stamp = tuple[int, int, int]


class FixedAddresses:
    """`fix` hears them whenever the file of users has changed, which is looked at before an address is given."""

    def __init__(self, fix: Callable[[frozenset[Address]], None]) -> None:
        self._fix = fix
        self._users: Path | None = None
        self._seen: Stamp | None = None

    def obey(self, settings: Settings) -> None:
        mode_cfg = settings.mode_cfg
        local = mode_cfg is not None and mode_cfg.auth_source is AuthSource.LOCAL
        self._users = mode_cfg.users.path if mode_cfg is not None and local else None
        self._seen = None
        if self._users is None:
            self._fix(frozenset())

    async def look(self) -> None:
        """A file that cannot be read changes nothing: logins say what is wrong with it."""
        if self._users is None or (stamp := _stamp(self._users)) == self._seen:
            return
        self._seen = stamp
        try:
            users = await asyncio.to_thread(UserFile(self._users).list)
        except UserError:
            return
        found: set[Address] = {each.facts.address for each in users if each.facts.address is not None}
        found |= {each.facts.address6.ip for each in users if each.facts.address6 is not None}
        self._fix(frozenset(found))


def _stamp(path: Path) -> Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
