"""What the kernel tells of SAs and policies without being asked: ends of lifetimes, removals, other addresses of peers,
policies of other programs, and packets that wait for an SA.

Of SAs that are made, with their keys, nothing is heard.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

from lotor.hosts.watch import messages as split
from lotor.hosts.xfrm.entries import Overrun, Told
from lotor.hosts.xfrm.policy_messages import read_told
from lotor.hosts.xfrm.shapes import Group
from lotor.hosts.xfrm.unheard import keep_out

SOL_NETLINK, ADD_MEMBERSHIP = 270, 1
SO_RCVBUFFORCE = 33
ROOM = 4 << 20
"""Octets that wait to be read, by the kernel's count: a few thousand SAs may end at once."""
_LONGEST = 65536


class Listening:
    """From the moment that it is made. What nobody reads waits in the kernel, which has room for so much."""

    def __init__(self, protocol: int) -> None:
        kinds = socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        self._socket = socket.socket(socket.AF_NETLINK, kinds, protocol)
        self._waiting: asyncio.Future[None] | None = None
        with suppress(PermissionError):  # then the kernel's own room must do
            self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, ROOM)
        keep_out(self._socket)
        self._socket.bind((0, 0))
        for each in Group:
            self._socket.setsockopt(SOL_NETLINK, ADD_MEMBERSHIP, each)

    def close(self) -> None:
        """Ends `told`; may be called again."""
        if self._waiting is not None:
            self._waiting.get_loop().remove_reader(self._socket)
            self._wake()
        self._socket.close()

    async def told(self) -> AsyncIterator[Told]:
        """What concerns lotor, until it is closed."""
        while self._socket.fileno() >= 0:
            try:
                found = self._read()
            except BlockingIOError:
                await self._readable()
                continue
            for each in found:
                yield each
            if not found:  # what others do with their SAs must not keep everything else waiting
                await asyncio.sleep(0)

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        self._waiting = loop.create_future()
        loop.add_reader(self._socket, self._wake)
        try:
            await self._waiting
        finally:
            self._waiting = None
            if self._socket.fileno() >= 0:
                loop.remove_reader(self._socket)

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def _read(self) -> list[Told]:
        """What one datagram tells."""
        try:
            octets, (sender, _) = self._socket.recvfrom(_LONGEST)
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            return [Overrun()]
        found = [read_told(kind, body) for kind, body in split(octets)] if sender == 0 else []
        return [each for each in found if each is not None]
