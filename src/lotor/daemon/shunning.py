"""Banned networks, as the core hears of them: who comes from there costs the gateway no handshake."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from ipaddress import ip_network

from lotor.daemon.active_config import ActiveConfig
from lotor.ike.intents import Shun
from lotor.model.ban import Ban
from lotor.model.network import Network
from lotor.model.policy import Side
from lotor.ports.records import Records
from lotor.runtime.faults import trace
from lotor.runtime.present import Present

log = logging.getLogger(__name__)

LOOK_S = 10.0
"""Between two looks at the bans, a thousand at most: so long a new one costs its network nothing but logins."""


class Shunning:
    """A gateway's; a client asks for nothing. `command` tells the core. The warden's word is what counts at a login:
    where it does not come, the core goes on with what it knew."""

    def __init__(self, records: Records, present: Present[ActiveConfig], command: Callable[[Shun], None]) -> None:
        self._records = records
        self._present = present
        self._command = command
        self._known: tuple[Network, ...] = ()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._go_on())

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def look(self) -> None:
        """Once."""
        try:
            found = await self._records.bans()
        except OSError:  # the warden has no time, or is gone
            return
        networks = tuple(sorted((_network(each) for each in found if each.network), key=str))
        if networks != self._known:
            self._known = networks
            self._command(Shun(networks))

    async def _go_on(self) -> None:
        while True:
            if any(each.side is Side.GATEWAY for each in self._present.now.policy.remotes):
                await self._looked()
            await asyncio.sleep(LOOK_S)

    async def _looked(self) -> None:
        try:
            await self.look()
        except Exception as error:  # noqa: BLE001 - the next look goes on
            log.error("internal error: bans: %s", trace(error))  # noqa: TRY400


def _network(ban: Ban) -> Network:
    """Raises `ValueError`."""
    return ip_network(ban.subject)
