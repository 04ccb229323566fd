"""A host that a lotor which runs no more has left closed: it is told, and opened, without a daemon."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from lotor.client.closed import remark, words
from lotor.daemon.exits import Exit, StartError

if TYPE_CHECKING:
    from lotor.hosts.client import LinuxHost


def gateways() -> tuple[str, ...]:
    from lotor.hosts import closures

    return closures.gateways()


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
        raise StartError(f"{remark(closed[0])}; while no daemon runs only root opens it", Exit.NOT_ROOT)
    try:
        return asyncio.run(_open(gateway))
    except OSError as error:
        raise StartError(f"the host was not opened: {error.strerror or error}", Exit.LOCAL_FAULT) from error


async def _open(gateway: str) -> bool:
    return await (await _host()).open(await words(gateway)) > 0


def login_page(seconds: int) -> bool:
    """Whether the host was closed, and what a login page needs leaves it now. Raises `StartError`."""
    if not gateways():
        return False
    if os.geteuid() != 0:
        raise StartError("only root lets a login page be reached while no daemon runs", Exit.NOT_ROOT)
    try:
        return asyncio.run(_portal(seconds)) > 0
    except OSError as error:
        raise StartError(f"nothing was opened: {error.strerror or error}", Exit.LOCAL_FAULT) from error


async def _portal(seconds: int) -> int:
    return await (await _host()).portal(seconds)


async def _host() -> LinuxHost:
    """What dead programs left on it is undone, but for what closes it."""
    from lotor.hosts.client import LinuxHost

    host = LinuxHost()
    await host.recover(told=False)  # a person who opens it knows
    return host
