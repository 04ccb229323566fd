"""A gateway that was started anew tells the peers of the one before, a few at a time, that their sessions are gone."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence

from lotor.daemon.wiring import Wiring
from lotor.ike.intents import Intent, Remind
from lotor.runtime.last_peers import LastPeers

AT_ONCE, PAUSE = 25, 0.25
"""Peers that are told at once, and seconds between: each of them asks, and then logs in."""
TIMES = 2
"""A datagram gets lost."""


@contextlib.asynccontextmanager
async def reminding(descriptor: int | None, wiring: Wiring) -> AsyncIterator[None]:
    """As long as a gateway serves. `descriptor`: of the file of its peers, None without one."""
    if descriptor is None:
        yield
        return
    peers = LastPeers(descriptor, wiring.register.get)
    left = peers.left()
    wiring.listen(peers.follow)
    work = asyncio.get_running_loop().create_task(remind(left, wiring.driver.command))
    try:
        yield
    finally:
        work.cancel()


async def remind(left: Sequence[Remind], command: Callable[[Intent], None]) -> None:
    for _ in range(TIMES):
        for start in range(0, len(left), AT_ONCE):
            for each in left[start : start + AT_ONCE]:
                command(each)
            await asyncio.sleep(PAUSE)
