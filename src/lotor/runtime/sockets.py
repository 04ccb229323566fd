"""Sockets of IKE and of native ESP: from the address that was asked, and out of the tunnel by their mark."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from lotor.model.network import Address, Path, Peer
from lotor.ports.carrier import Receive
from lotor.runtime.holder import holder_of

IP_PKTINFO = getattr(socket, "IP_PKTINFO", 8)
SO_RCVBUFFORCE = getattr(socket, "SO_RCVBUFFORCE", 33)
RECEIVE_OCTETS = 1 << 20
LARGEST_DATAGRAM = 65535
MOST_AT_ONCE = 64
"""Datagrams read before other work of the loop gets its turn."""

ANYWHERE: dict[int, Address] = {4: IPv4Address(0), 6: IPv6Address(0)}
"""What a socket is bound to that serves every address of its IP version."""
IPPROTO_ESP = 50


@dataclass(frozen=True, slots=True)
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


class Unmarked(OSError):  # noqa: N818 - a refusal with its own sentence
    """A socket that could not be kept out of the tunnel, and is not opened."""


class HostSockets:
    """Implements `ports.Sockets` for whoever has the rights. `mark` None: there is no tunnel to stay out of."""

    def __init__(self, mark: int | None = None) -> None:
        self._mark = mark

    async def udp(self, local: Peer, beside: Sequence[socket.socket] = ()) -> socket.socket:
        return open_udp(local, mark=self._mark, beside=beside)

    async def raw_esp(self, version: int) -> socket.socket:
        return open_esp_socket(version, self._mark)

    async def source_towards(self, remote: Peer) -> Address:
        return source_towards(remote, mark=self._mark)


def open_udp(local: Peer, *, mark: int | None = None, beside: Sequence[socket.socket] = ()) -> socket.socket:
    """A bound, non-blocking UDP socket that tells and chooses its local address packet by packet.

    `mark` is set as SO_MARK: without the right to, no socket is opened. `beside`: sockets of ours that may have the
    same port, for every address where this is for one, or the other way round. `OSError` with a sentence for a person
    when the port is refused.
    """
    family = FAMILIES[local.address.version]
    try:
        udp = socket.socket(family.family, socket.SOCK_DGRAM)
    except OSError as error:
        raise OSError(error.errno, _refusal(local, error)) from error
    try:
        udp.setsockopt(family.level, family.wanted, 1)
        if local.address.version == 6:
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if mark is not None:
            _mark(udp, mark)
        _make_room(udp)
        udp.setblocking(False)
        with _shared(beside, udp):
            udp.bind((str(local.address), local.port))
    except OSError as error:
        udp.close()
        why = str(error.strerror) if isinstance(error, Unmarked) else _refusal(local, error)
        raise OSError(error.errno, why) from error
    return udp


def open_esp_socket(version: int, mark: int | None) -> socket.socket:
    """A raw socket of native ESP, IP protocol 50, as for `open_udp`; `OSError` says what is missing."""
    try:
        raw = socket.socket(FAMILIES[version].family, socket.SOCK_RAW, IPPROTO_ESP)
    except PermissionError as error:
        text = "no permission for native ESP: give CAP_NET_RAW, or set `nat_traversal force` to carry ESP in UDP"
        raise OSError(error.errno, text) from error
    if mark is not None:
        try:
            _mark(raw, mark)
        except OSError:
            raw.close()
            raise
    return raw


@contextmanager
def _shared(beside: Sequence[socket.socket], udp: socket.socket) -> Iterator[None]:
    """Only for the moment of binding: later nobody else may have the port."""
    sockets = (*beside, udp) if beside else ()
    for each in sockets:
        each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        yield
    finally:
        for each in sockets:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)


def local_of(udp: socket.socket) -> Peer:
    """Address and port that a socket of `open_udp` is bound to."""
    host, port, *_ = udp.getsockname()
    return Peer(ip_address(host), port)


def source_towards(remote: Peer, *, mark: int | None = None) -> Address:
    """The local address that the routes choose for datagrams to `remote`; `OSError` when there is no route."""
    try:
        with socket.socket(FAMILIES[remote.address.version].family, socket.SOCK_DGRAM) as probe:
            if mark is not None:
                _mark(probe, mark)
            probe.connect((str(remote.address), remote.port))
            return ip_address(probe.getsockname()[0])
    except Unmarked:
        raise
    except OSError as error:
        raise OSError(error.errno, f"no route to {remote.address}: {error.strerror}") from error


class IsakmpSocket:
    """`ports.Door` of port 500: reads in the event loop, hands over `(datagram, path)`."""

    def __init__(self, udp: socket.socket) -> None:
        self._udp = udp
        self.local = local_of(udp)
        self._family = FAMILIES[self.local.address.version]
        self._receive: Receive | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def socket(self) -> socket.socket:
        return self._udp

    def start(self, receive: Receive) -> None:
        """Also once more, for another receiver."""
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._udp, self._readable)

    def close(self) -> None:
        if self._loop is not None:
            self._loop.remove_reader(self._udp)
            self._loop = None
        self._udp.close()

    def serves(self, path: Path) -> bool:
        own, local = self.local, path.local
        here = own.address in (local.address, ANYWHERE[local.address.version])
        return here and local.port == own.port and not path.floated

    def transmit(self, data: bytes, path: Path) -> None:
        """From exactly `path.local`; `OSError` as the kernel gave it."""
        control = [self._family.source(path.local.address)]
        self._udp.sendmsg([data], control, 0, (str(path.remote.address), path.remote.port))

    def _readable(self) -> None:
        space = socket.CMSG_SPACE(self._family.info.size)
        for _ in range(MOST_AT_ONCE):
            try:
                data, control, _flags, source = self._udp.recvmsg(LARGEST_DATAGRAM, space)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                continue  # an ICMP error of an earlier datagram: the retransmission decides
            path = self._path(control, source)
            if self._receive is not None and not _of_the_link(path.remote.address):
                self._receive(data, path)

    def _path(self, control: list[tuple[int, int, bytes]], source: tuple[Any, ...]) -> Path:
        """`source` begins with address and port; with IPv6 more follows."""
        local = self.local.address
        for level, kind, data in control:
            if (level, kind) == (self._family.level, self._family.kind):
                local = self._family.local(data)
        return Path(Peer(local, self.local.port), Peer(ip_address(source[0]), source[1]))


def _of_the_link(address: Address) -> bool:
    """IPv6 link-local addresses mean nothing without an interface, of which a path says nothing."""
    return address.version == 6 and address.is_link_local


def _make_room(udp: socket.socket) -> None:
    """A flood must not fill the kernel's queue before it is read; without the right the usual size stays."""
    with contextlib.suppress(OSError):
        udp.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_OCTETS)


def _mark(udp: socket.socket, mark: int) -> None:
    """An unmarked socket would ask the routes through the tunnel, which may be those of another process."""
    try:
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
    except PermissionError as error:
        raise Unmarked(error.errno, "no permission to keep sockets out of the tunnel: give CAP_NET_ADMIN") from error


def _refusal(local: Peer, error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            holder = holder_of(local.port)
            by = f"by {holder}" if holder else "(by another IKE daemon?)"
            return (
                f"port {local.port} of {local.address} is in use {by}: stop it or set listen {{ isakmp ADDR[PORT]; }}"
            )
        case errno.EACCES | errno.EPERM:
            return f"no permission to open port {local.port} of {local.address}: run as root"
        case errno.EADDRNOTAVAIL:
            return f"{local.address} is not an address of this host: correct listen {{ isakmp {local.address}; }}"
        case errno.EAFNOSUPPORT:
            return f"this host has no IPv{local.address.version}: take {local.address} out of listen {{ }}"
        case _:
            return f"cannot open port {local.port} of {local.address}: {error.strerror}"
