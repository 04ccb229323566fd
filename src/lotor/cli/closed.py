"""A host that a lotor which runs no more has left closed: it is told, and opened, without a daemon."""

from __future__ import annotations

import asyncio
import os

from lotor.client.closed import remark, words
from lotor.daemon.exits import Exit, StartError


def gateways() -> list[str]:
    """Those that the host is closed for and nobody has a connection to. Anybody may ask."""
    from lotor.hosts.closures import closing_of, left

    return sorted({closing_of(each).gateway for each in left()})


def told(error: StartError) -> StartError:
    """No daemon answers: what a person should know besides."""
    if error.code is Exit.NO_DAEMON and (closed := gateways()):
        return StartError("; ".join([str(error), *map(remark, closed)]), error.code, error.fix)
    return error


def opened(gateway: str) -> bool:
    """Whether the host was closed for this gateway, and is open now. Raises `StartError`."""
    closed = gateways()
    if not closed:
        return False
    if os.geteuid() != 0:
        raise StartError(f"{remark(closed[0])} as root", Exit.NOT_ROOT)
    return asyncio.run(_open(gateway))


async def _open(gateway: str) -> bool:
    from lotor.hosts.client import LinuxHost

    host = LinuxHost()
    await host.recover()
    return await host.open(await words(gateway)) > 0
