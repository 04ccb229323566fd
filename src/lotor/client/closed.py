"""Gateways that this host is closed for without a connection: those of an earlier daemon, and of lost tunnels."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from lotor.client import targets
from lotor.config import in_main_mode
from lotor.ports.host import Host

log = logging.getLogger(__name__)


class Closed:
    """What a person is told of them, and how a person opens the host."""

    def __init__(self, host: Host, step_aside: Callable[[], Awaitable[None]], clock: Callable[[], float]) -> None:
        """`step_aside` takes what is down off the host; `clock` tells seconds."""
        self._host = host
        self._step_aside = step_aside
        self._clock = clock
        self._portal_until = 0.0

    async def remarks(self) -> list[str]:
        """Sentences for `status`."""
        gateways, left = await self._gateways(), self._portal_until - self._clock()
        page = [f"DNS, HTTP and HTTPS leave in clear for {left:.0f} s more"] if gateways and left > 0 else []
        return [*map(remark, gateways), *page]

    async def portal(self, seconds: int) -> int:
        """A login page may be reached for so long. For how many gateways the host is closed; 0: nothing is in its way.
        Raises `OSError`."""
        await self._step_aside()
        opened = await self._host.portal(seconds)
        if opened:
            self._portal_until = self._clock() + seconds
            log.warning(
                "captive_portal: DNS, HTTP and HTTPS leave in clear for %d s: a login page may be used", seconds
            )
        return opened

    async def open(self, gateway: str) -> int:
        """For how many gateways, of those that a typed word means, the host is open now and was not before. Raises
        `OSError` where it stays closed for one of them."""
        if not await self._gateways():
            return 0
        return await self._host.open(await words(gateway))

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
