"""lotor's own users of all gateways of a fleet: whoever is changed in the file of one is changed in those of all.

Logins look at the file alone, and nobody waits for the database. This looks at the file now and then, and at what the
fleet says of users.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import math
from functools import partial
from pathlib import Path
from typing import NamedTuple

from lotor.auth import UserError, UserFile, fleet_key
from lotor.auth.shared_state import SharedState
from lotor.auth.sharing import Sharing, Wish
from lotor.config.settings import AuthSource, Settings
from lotor.files.private import FileError
from lotor.ports.fleet import Fleet, News, Sign, UserLine

log = logging.getLogger(__name__)

LOOK = 2.0
"""Seconds between two looks at the file."""
RETRY = 10.0
"""Seconds after a round that could not be made."""
POLL = 30.0
"""Seconds after which the fleet is asked, also where nobody heard of a change."""
WHOLE = 3600.0
"""Seconds after which all that the fleet has is looked at once more, whatever it said meanwhile."""
MOST_TURNS = 8
"""Of one round, in which others write at the same time."""
MOST_LINES = 1 << 18
"""Of users and groups, also those that are gone, which a fleet has."""

Mark = tuple[int, int, int]


class Files(NamedTuple):
    users: Path
    key: Path


class SharedUsers:
    """`gateway` is this one's name. Nothing is raised, and a fault has its line in the log once."""

    def __init__(self, fleet: Fleet, gateway: str, state: Path | None = None) -> None:
        self._fleet, self._gateway, self._state = fleet, gateway, state
        self._files: Files | None = None
        self._sharing: Sharing | None = None
        self._cursor, self._round_at, self._whole_at = 0, -math.inf, -math.inf
        self._mark: Mark | None = None
        self._due, self._fault = True, ""
        self._woken = asyncio.Event()
        self._turn = asyncio.Lock()

    def obey(self, settings: Settings) -> None:
        """Also after a reload, which reads the key anew."""
        mode_cfg = settings.mode_cfg
        local = mode_cfg is not None and mode_cfg.auth_source is AuthSource.LOCAL
        users, key = mode_cfg.users if mode_cfg is not None and local else None, settings.fleet_key
        files = Files(users.path, key.path) if users is not None and key is not None else None
        self._files, self._sharing = files, None
        self._wake()

    def hear(self, news: News) -> None:
        if news.sign is Sign.JOINED and self._sharing is not None:
            self._sharing.wants_whole = True
        if news.sign in {Sign.JOINED, Sign.USERS}:
            self._wake()

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await self.look()
            try:
                async with asyncio.timeout(LOOK):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def look(self) -> None:
        """A round, if there is anything to do."""
        async with self._turn:
            self._woken.clear()
            files = self._files
            if files is None:
                return
            mark, now = _mark(files.users), asyncio.get_running_loop().time()
            due = self._due or mark != self._mark or now >= self._round_at + POLL
            if not due or (self._fault and now < self._round_at + RETRY):
                return
            self._round_at = now
            try:
                self._due = not await self._round(files)
            except (OSError, UserError, FileError, fleet_key.FleetKeyError) as fault:
                self._tell(files, fault)
            else:
                self._mark, self._fault = mark, ""

    def _wake(self) -> None:
        self._due = True
        self._woken.set()

    async def _round(self, files: Files) -> bool:
        """Whether everything is the same here and there. Raises `OSError` and what `Sharing` raises."""
        sharing = self._sharing
        if sharing is None:
            sharing = await asyncio.to_thread(self._made, files)
        if self._files != files:
            return False
        self._sharing = sharing
        now = asyncio.get_running_loop().time()
        if now >= self._whole_at + WHOLE:
            sharing.wants_whole, self._whole_at = True, now
        for _ in range(MOST_TURNS):
            everything = sharing.wants_whole
            found = await self._found(0 if everything else self._cursor)
            wishes = await asyncio.to_thread(partial(sharing.bring, found, whole=everything))
            if wishes is None:
                return False
            self._cursor = max((each.version for each in found), default=0 if everything else self._cursor)
            if await self._told(sharing, wishes) and not sharing.wants_whole:
                return True
        return False

    def _made(self, files: Files) -> Sharing:
        key = fleet_key.read(files.key)
        return Sharing(UserFile(files.users), key, SharedState(key.name, self._state), self._gateway)

    async def _found(self, after: int) -> list[UserLine]:
        """All changes since that version."""
        found: list[UserLine] = []
        while page := await self._fleet.users(after):
            found += page
            after = page[-1].version
            if len(found) > MOST_LINES:
                raise OSError(errno.EFBIG, f"the fleet has more than {MOST_LINES} users")
        return found

    async def _told(self, sharing: Sharing, wishes: tuple[Wish, ...]) -> bool:
        """Whether the fleet took all of it; else somebody was faster."""
        taken = 0
        try:
            for each in wishes:
                version = await self._fleet.write_user(each.told.name, each.sealed, each.version)
                if version is not None:
                    sharing.took(each, version)
                    taken += 1
        finally:
            if taken:
                await asyncio.to_thread(sharing.settle)
        return taken == len(wishes)

    def _tell(self, files: Files, fault: Exception) -> None:
        text = fault.strerror or f"{fault}" if isinstance(fault, OSError) else f"{fault}"
        if not files.key.exists():
            text = f"{files.key} does not exist: {fleet_key.making(files.key)}"
        if text != self._fault:
            log.error("lotor's own users are not shared with the fleet at present: %s", text)
        self._fault, self._due = text, True
        if self._sharing is not None:
            self._sharing.wants_whole = True


def _mark(path: Path) -> Mark | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
