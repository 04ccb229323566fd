"""Counts the changes of the network outside of the tunnels: links, addresses and routes that others make or take away.

What lotor does itself does not count: its devices and its routing tables.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from contextlib import suppress

from lotor.hosts.netlink import OfRoute
from lotor.hosts.routing import FIRST_TABLE, SLOTS
from lotor.hosts.rtnetlink import (
    ADDRESS,
    DELETE_ADDRESS,
    DELETE_LINK,
    DELETE_ROUTE,
    LINK,
    NEW_ADDRESS,
    NEW_LINK,
    NEW_ROUTE,
    ROUTE,
    number,
)
from lotor.hosts.watch import Message, Watch

GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400
"""`RTMGRP_LINK`, and of IPv4 and IPv6 `IFADDR` and `ROUTE`."""
LOCAL_TABLE = 255
OURS = range(FIRST_TABLE, FIRST_TABLE + SLOTS)
CALM = 0.05
"""Seconds that news wait for more of the same: a new network is a dozen messages."""


class News:
    """It listens from the first question on."""

    def __init__(self) -> None:
        self._ours: set[int] = set()
        self._number = 0
        self._waiting: asyncio.Event | None = None
        self._watch = Watch(socket.NETLINK_ROUTE, GROUPS, self._concerns, self._count)

    def leave_out(self, index: int) -> None:
        """The device is ours. No later one has its index: nothing is ever taken out of the few that a program has."""
        self._ours.add(index)

    async def await_other_than(self, seen: int) -> int:
        """The number of changes so far, once it is another one than `seen`."""
        self._watch.start()
        if not self._watch.listens:
            raise OSError(errno.EACCES, "the kernel does not tell of changes of the network")
        if self._waiting is None:
            self._waiting = asyncio.Event()
        while self._number == seen:
            await self._waiting.wait()
        return self._number

    async def _count(self) -> None:
        await asyncio.sleep(CALM)
        self._number += 1
        if self._waiting is not None:
            self._waiting.set()
            self._waiting = None

    def _concerns(self, message: Message) -> bool:
        kind, body = message
        with suppress(OSError):  # a message that is cut short
            if kind in (NEW_LINK, DELETE_LINK):
                return LINK.read(body)[0][2] not in self._ours
            if kind in (NEW_ADDRESS, DELETE_ADDRESS):
                return ADDRESS.read(body)[0][4] not in self._ours
            if kind in (NEW_ROUTE, DELETE_ROUTE):
                table, device = _route(body)
                return table not in OURS and table != LOCAL_TABLE and device not in self._ours
        return False


def _route(body: bytes) -> tuple[int, int]:
    """Table, and the index of the device; 0 for a route that has none."""
    fields, attributes = ROUTE.read(body)
    table = attributes.get(OfRoute.TABLE)
    return number(table) if table is not None else fields[4], number(attributes.get(OfRoute.DEVICE, b""))
