"""Gateways that this host is closed for without a connection: those of an earlier daemon, and of lost tunnels."""

from __future__ import annotations

import logging

from lotor.client import targets
from lotor.config import in_main_mode
from lotor.ports.host import Host

log = logging.getLogger(__name__)


class Closed:
    """What a person is told of them, and how a person opens the host."""

    def __init__(self, host: Host) -> None:
        self._host = host

    async def remarks(self) -> list[str]:
        """Sentences for `status`."""
        return [remark(each) for each in await self._gateways()]

    async def open(self, gateway: str) -> int:
        """For how many gateways, of those that a typed word means, the host is open now and was not before."""
        if not await self._gateways():
            return 0
        try:
            return await self._host.open(await words(gateway))
        except OSError as error:
            log.warning("the host was not opened: %s", error.strerror or error)
            return 0

    async def _gateways(self) -> tuple[str, ...]:
        try:
            return await self._host.closed()
        except OSError as error:
            log.warning("it is not known what this host is closed for: %s", error.strerror or error)
            return ()


def remark(gateway: str) -> str:
    opens = f"unreachable until it is up again, or `lotor vd {gateway}`"
    return f"this host is closed: what belongs into the tunnel to {gateway} is {opens}"


async def words(gateway: str) -> tuple[str, ...]:
    """The addresses and blocks that a typed gateway may mean."""
    addresses = map(str, await targets.meant(gateway))
    return tuple(dict.fromkeys((gateway, in_main_mode(gateway), *addresses)))
