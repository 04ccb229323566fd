"""A UDP socket in the event loop: datagrams with the address that they came to, answers from exactly that address."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address
from typing import Any

from lotor.model.network import ANYWHERE, Address, Path, Peer
from lotor.ports.carrier import Receive
from lotor.ports.sockets import FAMILIES, local_of

LARGEST_DATAGRAM = 65535
MOST_AT_ONCE = 64
"""Datagrams read before other work of the loop gets its turn."""


class Datagrams:
    """Of a socket of `ports.Sockets.udp`, which remains its owner's. `floated`: the paths of what comes are."""

    def __init__(self, udp: socket.socket, *, floated: bool = False) -> None:
        self.socket = udp
        self.local = local_of(udp)
        self._floated = floated
        self._family = FAMILIES[self.local.address.version]
        self._receive: Receive | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self, receive: Receive) -> None:
        """Also once more, for another receiver."""
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self.socket, self._readable)

    def stop(self) -> None:
        """Nothing is read any more; may be called again."""
        self._receive = None
        if self._loop is not None:
            self._loop.remove_reader(self.socket)
            self._loop = None

    def serves(self, path: Path) -> bool:
        own, local = self.local, path.local
        here = own.address in (local.address, ANYWHERE[local.address.version])
        return here and local.port == own.port and path.floated is self._floated

    def send(self, data: bytes, path: Path) -> None:
        """From exactly `path.local`; `OSError` as the kernel gave it."""
        control = [self._family.source(path.local.address)]
        self.socket.sendmsg([data], control, 0, (str(path.remote.address), path.remote.port))

    def _readable(self) -> None:
        space = socket.CMSG_SPACE(self._family.info.size)
        for _ in range(MOST_AT_ONCE):
            if self._receive is None:
                return  # stopped by what the last one led to
            try:
                data, control, _flags, source = self.socket.recvmsg(LARGEST_DATAGRAM, space)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                continue  # an ICMP error of an earlier datagram: the retransmission decides
            path = self._path(control, source)
            if not _of_the_link(path.remote.address):
                self._receive(data, path)

    def _path(self, control: list[tuple[int, int, bytes]], source: tuple[Any, ...]) -> Path:
        """`source` begins with address and port; with IPv6 more follows."""
        local = self.local.address
        for level, kind, data in control:
            if (level, kind) == (self._family.level, self._family.kind):
                local = self._family.local(data)
        return Path(Peer(local, self.local.port), Peer(ip_address(source[0]), source[1]), floated=self._floated)


def _of_the_link(address: Address) -> bool:
    """IPv6 link-local addresses mean nothing without an interface, of which a path says nothing."""
    return address.version == 6 and address.is_link_local
