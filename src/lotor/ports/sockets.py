"""The port that opens sockets of the host: a verb for each kind, and what such a socket tells of each datagram."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Protocol

from lotor.model.frozen import frozen
from lotor.model.network import Address, Peer

IP_PKTINFO = getattr(socket, "IP_PKTINFO", 8)


class Sockets(Protocol):
    """Every socket stays out of the tunnel: one that cannot be marked is not opened. `OSError` with a sentence."""

    async def udp(self, local: Peer, beside: Sequence[socket.socket] = ()) -> socket.socket:
        """Bound, non-blocking, and it tells and chooses its local address packet by packet. `beside`: sockets of ours
        that may have the same port, for every address where this is for one, or the other way round."""
        ...

    async def raw_esp(self, version: int) -> socket.socket:
        """For IP protocol 50 over this IP version."""
        ...

    async def source_towards(self, remote: Peer) -> Address:
        """The local address that the routes outside the tunnel choose for datagrams to `remote`."""
        ...


@frozen
class Family:
    """How sockets of one IP version tell and take the local address of a datagram. `info` is the structure that does,
    `wanted` the option that asks for it, `kind` the control message that carries it at `level`."""

    family: int
    level: int
    wanted: int
    kind: int
    info: struct.Struct

    def source(self, address: Address) -> tuple[int, int, bytes]:
        """The control message that sends from `address`; the interface is left to the routes."""
        packed = (0, address.packed, bytes(4)) if address.version == 4 else (address.packed, 0)
        return self.level, self.kind, self.info.pack(*packed)

    def local(self, data: bytes) -> Address:
        """The address that a datagram came to."""
        found = self.info.unpack(data[: self.info.size])
        return IPv4Address(found[2]) if self.family == socket.AF_INET else IPv6Address(found[0])


FAMILIES = {
    4: Family(socket.AF_INET, socket.IPPROTO_IP, IP_PKTINFO, IP_PKTINFO, struct.Struct("=i4s4s")),
    6: Family(
        socket.AF_INET6, socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, socket.IPV6_PKTINFO, struct.Struct("=16sI")
    ),
}
"""`struct in_pktinfo`: interface index, local address to send from, address in the received header; and
`struct in6_pktinfo`: address, interface index."""


def local_of(udp: socket.socket) -> Peer:
    """Address and port that a socket of `Sockets.udp` is bound to."""
    host, port, *_ = udp.getsockname()
    return Peer(ip_address(host), port)


@contextmanager
def sharing(sockets: Sequence[socket.socket]) -> Iterator[None]:
    """They share their ports while another one is bound: later nobody else may have them. One may be closed by then."""
    for each in sockets:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        yield
    finally:
        for each in sockets:
            if each.fileno() >= 0:
                each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
