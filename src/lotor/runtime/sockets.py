"""UDP sockets of IKE: they answer from the address that was asked, and their mark keeps them out of the tunnel."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import struct
from collections.abc import Callable
from ipaddress import IPv4Address

from lotor.model.network import Path, Peer

IP_PKTINFO = getattr(socket, "IP_PKTINFO", 8)
SO_MARK = getattr(socket, "SO_MARK", 36)
PKTINFO = struct.Struct("=i4s4s")
"""`struct in_pktinfo`: interface index, local address to send from, address in the received header."""
LARGEST_DATAGRAM = 65535
MOST_AT_ONCE = 64
"""Datagrams read before other work of the loop gets its turn."""

Receive = Callable[[bytes, Path], None]


def open_udp(local: Peer, *, mark: int | None = None) -> socket.socket:
    """A bound, non-blocking UDP socket that tells and chooses its local address packet by packet.

    `mark` is set as SO_MARK where the process may. `OSError` with a sentence for a person when the port is refused.
    """
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        udp.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        if mark is not None:
            _mark(udp, mark)
        udp.setblocking(False)
        udp.bind((str(local.address), local.port))
    except OSError as error:
        udp.close()
        raise OSError(error.errno, _refusal(local, error)) from error
    return udp


def local_of(udp: socket.socket) -> Peer:
    """Address and port that a socket of `open_udp` is bound to."""
    host, port = udp.getsockname()
    return Peer(IPv4Address(host), port)


def source_towards(remote: Peer, *, mark: int | None = None) -> IPv4Address:
    """The local address that the routes choose for datagrams to `remote`; `OSError` when there is no route."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        if mark is not None:
            _mark(probe, mark)
        try:
            probe.connect((str(remote.address), remote.port))
        except OSError as error:
            raise OSError(error.errno, f"no route to {remote.address}: {error.strerror}") from error
        return IPv4Address(probe.getsockname()[0])


class IsakmpSocket:
    """Port 500: reads in the event loop, hands over `(datagram, path)`."""

    def __init__(self, udp: socket.socket) -> None:
        self._udp = udp
        self.local = local_of(udp)
        self._receive: Receive | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self, receive: Receive) -> None:
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._udp, self._readable)

    def close(self) -> None:
        if self._loop is not None:
            self._loop.remove_reader(self._udp)
            self._loop = None
        self._udp.close()

    def serves(self, local: Peer) -> bool:
        """Whether datagrams of a path with this local end leave here."""
        return local.port == self.local.port and self.local.address in {local.address, IPv4Address(0)}

    def transmit(self, data: bytes, path: Path) -> None:
        """From exactly `path.local`; `OSError` as the kernel gave it."""
        source = PKTINFO.pack(0, path.local.address.packed, bytes(4))
        control = [(socket.IPPROTO_IP, IP_PKTINFO, source)]
        self._udp.sendmsg([data], control, 0, (str(path.remote.address), path.remote.port))

    def _readable(self) -> None:
        for _ in range(MOST_AT_ONCE):
            try:
                data, control, _flags, source = self._udp.recvmsg(LARGEST_DATAGRAM, socket.CMSG_SPACE(PKTINFO.size))
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                continue  # an ICMP error of an earlier datagram: the retransmission decides
            if self._receive is not None:
                self._receive(data, self._path(control, source))

    def _path(self, control: list[tuple[int, int, bytes]], source: tuple[str, int]) -> Path:
        local = self.local.address
        for level, kind, data in control:
            if level == socket.IPPROTO_IP and kind == IP_PKTINFO:
                local = IPv4Address(PKTINFO.unpack(data[: PKTINFO.size])[2])
        return Path(Peer(local, self.local.port), Peer(IPv4Address(source[0]), source[1]))


def _mark(udp: socket.socket, mark: int) -> None:
    with contextlib.suppress(PermissionError):  # without CAP_NET_ADMIN there is no tunnel route to stay out of either
        udp.setsockopt(socket.SOL_SOCKET, SO_MARK, mark)


def _refusal(local: Peer, error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"port {local.port} of {local.address} is in use (by another IKE daemon?): "
                "stop it or set listen { isakmp ADDR[PORT]; }"
            )
        case errno.EACCES | errno.EPERM:
            return f"no permission to open port {local.port} of {local.address}: run as root"
        case errno.EADDRNOTAVAIL:
            return f"{local.address} is not an address of this host: correct listen {{ isakmp {local.address}; }}"
        case _:
            return f"cannot open port {local.port} of {local.address}: {error.strerror}"
