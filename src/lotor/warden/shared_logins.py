"""What the gateways of a fleet tell each other of logins: lotor's own users, codes that were used, who was proved."""

from __future__ import annotations

import asyncio

from lotor.auth.bans import MemoryBans
from lotor.auth.fleet_bans import FleetBans
from lotor.auth.fleet_codes import FleetCodes
from lotor.config.settings import Settings, WhileAway
from lotor.ports.bans import Bans
from lotor.ports.fleet import Fleet, News
from lotor.warden.shared_users import SharedUsers


class SharedLogins:
    """`gateway` is this one's name in the fleet. `codes` are those that were used anywhere."""

    def __init__(self, fleet: Fleet, gateway: str) -> None:
        self._fleet = fleet
        self._refuses = True
        self.users = SharedUsers(fleet, gateway)
        self.codes = FleetCodes(fleet, lambda: self._refuses)
        self._running: asyncio.Task[None] | None = None

    def bans(self, step: float) -> Bans:
        """Guesses are counted here; who is known is known everywhere."""
        return FleetBans(MemoryBans(step), self._fleet)

    def obey(self, settings: Settings) -> None:
        """Before the first login, and after each reload."""
        self._refuses = settings.while_store_away is WhileAway.REFUSE
        self.users.obey(settings)
        if self._running is None:
            self._running = asyncio.get_running_loop().create_task(self.users.run(), name="users of the fleet")

    def hear(self, news: News) -> None:
        self.users.hear(news)
        self.codes.hear(news)

    async def stop(self) -> None:
        await self.codes.stop()
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait({self._running})
            self._running = None
