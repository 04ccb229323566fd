"""What a service manager hears of this program (systemd, sd_notify(3)): it serves, reloads, stops, is alive, in a line.

Without one, nothing is said. What the manager gave in the environment is taken out of it: neither the daemon nor a
script can speak for this program.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from dataclasses import dataclass

from lotor.model.text import clean

log = logging.getLogger(__name__)

SOCKET, WATCHDOG, WATCHED = "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"
LOOKED_AT = 5.0
"""Seconds between two looks at what the line would say now."""
LEAST_WATCHDOG = 0.1
"""Seconds; a manager that wants to hear more often than this is answered this often."""
LONGEST_STATUS = 200


@dataclass(frozen=True, slots=True)
class Wanted:
    """`address` of the manager's socket; `watchdog`: it wants a sign of life at least so often, seconds; 0: never."""

    address: str
    watchdog: float


def taken(environment: MutableMapping[str, str]) -> Wanted | None:
    """What a manager wants to hear; None where there is none. It is not in the environment any more."""
    address, often, whose = (environment.pop(name, "") for name in (SOCKET, WATCHDOG, WATCHED))
    if not address.startswith(("/", "@")):
        return None
    mine = whose in {"", str(os.getpid())}
    return Wanted(address, int(often) / 1e6 if mine and often.isascii() and often.isdigit() else 0.0)


class ServiceManager:
    """`send` carries one notice to it. `clock` in seconds, as CLOCK_MONOTONIC counts them."""

    def __init__(
        self,
        wanted: Wanted | None,
        send: Callable[[str, bytes], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wanted = wanted
        self._send = send or datagram
        self._clock = clock
        self._reloads = False
        self._status = ""

    @property
    def listens(self) -> bool:
        return self._wanted is not None

    @property
    def pause(self) -> float:
        """Seconds between two signs of life, so that one that is late does no harm."""
        often = self._wanted.watchdog if self._wanted is not None else 0.0
        return min(LOOKED_AT, max(often, LEAST_WATCHDOG) / 3) if often else LOOKED_AT

    def serves(self) -> None:
        self._say("READY=1")

    def stops(self) -> None:
        self._say("STOPPING=1")

    def reloads(self, under_way: bool) -> None:
        """The second word of a pair comes once, whoever says it."""
        if under_way:
            self._say("RELOADING=1", f"MONOTONIC_USEC={int(self._clock() * 1e6)}")
        elif self._reloads:
            self._say("READY=1")
        self._reloads = under_way

    def status(self, line: str) -> None:
        """What a person reads; said when it changes."""
        text = clean(line, longest=LONGEST_STATUS)
        if text != self._status:
            self._status = text
            self._say(f"STATUS={text}")

    def lives(self) -> None:
        if self._wanted is not None and self._wanted.watchdog:
            self._say("WATCHDOG=1")

    def _say(self, *lines: str) -> None:
        """What the manager does not take is lost: nothing here waits for it."""
        if self._wanted is None:
            return
        try:
            self._send(self._wanted.address, "\n".join(lines).encode())
        except OSError as error:
            log.debug("the service manager was not told %s: %s", lines[0], error.strerror)


def datagram(address: str, octets: bytes) -> None:
    """Raises `OSError`, also where the manager reads too slowly."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as ours:
        ours.sendto(octets, f"\0{address[1:]}" if address.startswith("@") else address)


@dataclass(frozen=True, slots=True)
class Life:
    """`line` is for a person, `alive` whether signs of life may be given, `pause` waits so many seconds."""

    line: Callable[[], str]
    alive: Callable[[], bool] = lambda: True
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep


@contextlib.asynccontextmanager
async def told(manager: ServiceManager, life: Life) -> AsyncIterator[None]:
    """The program serves within, and stops behind it. The event loop that serves gives the signs of life."""
    manager.status(life.line())
    manager.serves()
    task = asyncio.get_running_loop().create_task(_go_on(manager, life))
    try:
        yield
    finally:
        manager.stops()
        task.cancel()


async def _go_on(manager: ServiceManager, life: Life) -> None:
    while manager.listens:
        if life.alive():
            manager.lives()
        manager.status(life.line())
        await life.pause(manager.pause)
