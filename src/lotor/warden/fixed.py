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
        self._turn = asyncio.Lock()

    def obey(self, settings: Settings) -> None:
        mode_cfg = settings.mode_cfg
        local = mode_cfg is not None and mode_cfg.auth_source is AuthSource.LOCAL
        self._users = mode_cfg.users.path if mode_cfg is not None and local else None
        self._seen = None
        if self._users is None:
            self._fix(frozenset())

    async def look(self) -> None:
        """Whoever looks meanwhile waits. A file that cannot be read changes nothing, and is looked at again: logins say
        what is wrong with it."""
        async with self._turn:
            path = self._users
            if path is None or (stamp := _stamp(path)) == self._seen:
                return
            try:
                found = await asyncio.to_thread(_addresses, path)
            except UserError:
                return
            if path == self._users:  # and not, meanwhile, another configuration's
                self._seen = stamp
                self._fix(found)


def _addresses(path: Path) -> frozenset[Address]:
    """Raises `UserError`."""
    facts = [each.facts for each in UserFile(path).list()]
    found: set[Address] = {each.address for each in facts if each.address is not None}
    return frozenset(found | {each.address6.ip for each in facts if each.address6 is not None})


def _stamp(path: Path) -> Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
