"""Listens to the kernel for what other programs do to links and to tables of nftables.

A message only wakes the listener, which then asks the kernel how the link or the table is now: lost messages lose
nothing.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress

NETLINK_NETFILTER = 12
RTMGRP_LINK, NFTABLES = 1, 1 << 6
"""Groups: changes of links, changes of tables (`NFNLGRP_NFTABLES` is 7)."""
RTM_NEWLINK, TABLE_DELETED = 16, 10 << 8 | 2

_HEADER = struct.Struct("=IHHII")
"""`struct nlmsghdr`: length, type, flags, sequence, port."""
_LINK = struct.Struct("=BxHiII")
"""`struct ifinfomsg`: family, type, index, flags, change."""
_LONGEST = 65536
MOST_AT_ONCE = 64
"""Datagrams, until everything else has its turn: a router that learns a million routes never stops telling."""

Message = tuple[int, bytes]
"""Type and body."""


def messages(octets: bytes) -> Iterator[Message]:
    """Those of one datagram; what is cut short is left out."""
    while len(octets) >= _HEADER.size:
        length, kind, *_ = _HEADER.unpack_from(octets)
        if not _HEADER.size <= length <= len(octets):
            return
        yield kind, octets[_HEADER.size : length]
        octets = octets[(length + 3) & ~3 :]


def link_of(message: Message) -> int | None:
    """The index of the link that a message is about."""
    kind, body = message
    if kind != RTM_NEWLINK or len(body) < _LINK.size:
        return None
    index: int = _LINK.unpack_from(body)[2]
    return index


def removes(message: Message, names: Iterable[str]) -> bool:
    """Whether a table of nftables with one of these names went. Of other messages nobody asks for the names."""
    kind, body = message
    return kind == TABLE_DELETED and any(name.encode() + b"\0" in body for name in names)


class Watch:
    """From `start` to `stop`: `then` is awaited after messages of a group that `concern` us, and once more after those
    that came meanwhile. One that cannot listen is deaf."""

    def __init__(
        self, protocol: int, group: int, concern: Callable[[Message], bool], then: Callable[[], Awaitable[None]]
    ) -> None:
        self._place = protocol, group
        self._concern = concern
        self._then = then
        self._socket: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._again = False

    def start(self) -> None:
        if self._socket is not None:
            return
        protocol, group = self._place
        with suppress(OSError):
            kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, protocol)
            try:
                kernel.bind((0, group))
            except OSError:
                kernel.close()
                raise
            self._socket, self._loop = kernel, asyncio.get_running_loop()
            self._loop.add_reader(kernel, self._read)

    @property
    def listens(self) -> bool:
        return self._socket is not None

    def stop(self) -> None:
        if self._socket is None or self._loop is None:
            return
        if not self._loop.is_closed():
            self._loop.remove_reader(self._socket)
            if self._task is not None and self._task is not asyncio.current_task():
                self._task.cancel()
        self._socket.close()
        self._socket = self._task = None

    def _read(self) -> None:
        for _ in range(MOST_AT_ONCE):
            if self._socket is None:
                return
            try:
                octets = self._socket.recv(_LONGEST)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    return
                self._wake()  # messages were lost
                continue
            if any(map(self._concern, messages(octets))):
                self._wake()

    def _wake(self) -> None:
        self._again = True
        if self._loop is not None and (self._task is None or self._task.done()):
            self._task = self._loop.create_task(self._work())

    async def _work(self) -> None:
        while self._again:
            self._again = False
            await self._then()
