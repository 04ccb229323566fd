"""Servers of accounts that the configuration does not ask any more: they are told what sessions that began for them
still have to say, and what waits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from lotor.config.back_ends import keeps_accounts
from lotor.config.settings import Accounting, Radius, Settings
from lotor.model.member import Member
from lotor.warden.accounting import Accounts
from lotor.warden.back_ends import LedBackEnds

log = logging.getLogger(__name__)

LOOK = 30.0
"""Seconds between two looks at what is still owed."""
LONGEST = 7 * 86_400
"""Seconds after which a server hears no more: what it did not take by then waits until it is named again."""


class Owing:
    """Leads the back ends of one warden. `turn` is held by whoever calls `use`."""

    def __init__(
        self,
        accounts: Accounts,
        back_ends: LedBackEnds,
        turn: asyncio.Lock,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._accounts = accounts
        self._back_ends = back_ends
        self._turn = turn
        self._pause = pause
        self._servers: Radius | None = None
        self._kept = False
        self._watch: asyncio.Task[None] | None = None

    async def use(self, settings: Settings, member: Member | None = None) -> None:
        """As `LedBackEnds.use`: raises `OSError`, and nothing has changed."""
        owed = await self._owed(settings)
        await self._back_ends.use(settings, member, owed)
        self._kept = keeps_accounts(settings)
        if self._kept or owed is None:  # what nobody is owed, no secret is kept for
            self._servers = settings.radius if self._kept else None
        self.stop()
        if owed is not None:
            self._watch = asyncio.get_running_loop().create_task(self._until_paid(settings, member))

    def stop(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.cancel()

    async def _owed(self, settings: Settings) -> Radius | None:
        """Servers that the settings name without asking them count more than those that were asked before. Who was
        asked until now hears that at least."""
        if keeps_accounts(settings):
            return None
        named = settings.radius if settings.radius is not None and settings.radius.acct else None
        servers = named or self._servers
        if servers is None or not (self._kept or await self._accounts.owes(Accounting.RADIUS)):
            return None
        return servers

    async def _until_paid(self, settings: Settings, member: Member | None) -> None:
        looks = 0
        while await self._accounts.owes(Accounting.RADIUS):
            if looks * LOOK >= LONGEST:
                log.warning("accounting radius: its servers are not asked any more, what they did not take waits")
                break
            looks += 1
            await self._pause(LOOK)
        async with self._turn:
            self._watch = None
            try:
                await self._back_ends.use(settings, member)
                self._servers = None
            except OSError as error:
                log.warning("the back ends stay as they are: %s", error.strerror or error)
