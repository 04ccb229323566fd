"""The gateways of a fleet, asked for over the line (the port `ports.gateways.Gateways`)."""

from __future__ import annotations

import asyncio
import errno

from lotor.ports.fleet import Present
from lotor.ports.gateways import FleetLook
from lotor.privsep.asking import Asker
from lotor.privsep.far import ask
from lotor.privsep.reaching import CONNECTED, LOG_OUT, LOOK
from lotor.privsep.sharing import Part, Portion


class FarGateways:
    """The daemon's end. Lists are read one after the other."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._turn = asyncio.Lock()

    async def look(self) -> FleetLook | None:
        return (await ask(self._asker, LOOK, None)).value

    async def present(self, user: str = "") -> tuple[Present, ...]:
        found: list[Present] = []
        async with self._turn:
            portion = await self._part(Part(user))
            found += portion.items
            while portion.left:
                portion = await self._part(Part(user, portion.listing, len(found)))
                found += portion.items
        return tuple(found)

    async def logout(self, subject: str) -> None:
        try:
            await ask(self._asker, LOG_OUT, subject)
        except ValueError:
            raise OSError(errno.EINVAL, "that is longer than any login") from None

    async def _part(self, part: Part[str]) -> Portion[Present]:
        try:
            return (await ask(self._asker, CONNECTED, part)).value
        except ValueError:
            raise OSError(errno.EINVAL, "that is longer than any login") from None
