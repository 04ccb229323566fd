"""The user-space engine: ESP between a TUN device and UDP port 4500, carried by a Rust thread without the GIL."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import time
from collections.abc import Callable
from dataclasses import astuple, replace

from lotor._native import Pump, device_mtu
from lotor.dataplane.userspace.kernels import breaks_segments
from lotor.dataplane.userspace.native_esp import open_esp_socket
from lotor.dataplane.userspace.records import LARGEST_RECORD, Received, parse
from lotor.dataplane.userspace.spis import Spis
from lotor.model.algorithms import Compression
from lotor.model.child import Child, Counters, Encapsulation
from lotor.model.network import Path
from lotor.model.offloads import ALL_OFFLOADS, Offloads
from lotor.ports.dataplane import Broken, Notice, TunDevice

OUTER_MTU = 1500
"""Octets of the largest IP datagram that the path outside is believed to carry."""
MOST_AT_ONCE = 64
"""Records read before other work of the loop gets its turn."""
COMPRESSIONS = frozenset({Compression.DEFLATE})
"""IPComp algorithms that the Rust thread knows."""
_SEQPACKET_BUFFER = 1 << 20
_VERSIONS = {socket.AF_INET: 4, socket.AF_INET6: 6}


class Userspace:
    """`ports.DataPlane` for many tunnels on one TUN device and a NAT traversal socket of IPv4, one of IPv6, or both.

    The device and the sockets stay their owner's. A raw ESP socket is opened when the first SA pair of an IP version
    without UDP encapsulation comes; it may be refused. Packets wait in the kernel until `start`; after `stop` it stays
    stopped. `wanted`: the shortcuts through the kernel that may be taken; `release`: which kernel that is.
    """

    def __init__(
        self,
        tun: TunDevice,
        *nat_t: socket.socket,
        outer_mtu: int = OUTER_MTU,
        wanted: Offloads = ALL_OFFLOADS,
        release: str = os.uname().release,
    ) -> None:
        self._tun = tun
        self._nat_t = {_VERSIONS.get(each.family): each for each in nat_t}
        if None in self._nat_t or not 0 < len(self._nat_t) == len(nat_t):
            raise OSError("the user-space engine needs a NAT traversal socket of IPv4, one of IPv6, or one of each")
        self._mtu = device_mtu(outer_mtu)
        self._spis = Spis(time.monotonic)
        self._native_esp: set[int] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._records, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._records.setblocking(False)
            self._room = memoryview(bytearray(LARGEST_RECORD))
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEQPACKET_BUFFER)
            descriptors = (tun.fd, [each.fileno() for each in nat_t], theirs.fileno())
            wanted = replace(wanted, udp_segment_tail=breaks_segments(release))
            self._pump = Pump(descriptors, getattr(tun, "framed", False), outer_mtu, astuple(wanted))

    def start(self, receive: Callable[[bytes, Path], None], notify: Callable[[Notice], None]) -> None:
        if self._records.fileno() < 0:
            raise OSError("the packet engine was stopped: make a new one")
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._records, self._drain, receive, notify)
            self._pump.start()

    def stop(self) -> None:
        if self._loop is not None:
            self._loop.remove_reader(self._records)
            self._loop = None
        self._pump.stop()
        self._records.close()

    @property
    def compressions(self) -> frozenset[Compression]:
        return COMPRESSIONS

    def device(self) -> str:
        return self._tun.name

    def mtu(self) -> int:
        return self._mtu

    def offloads(self) -> Offloads:
        """Which shortcuts are taken."""
        return Offloads(*self._pump.offloads())

    def transmit(self, message: bytes, path: Path) -> None:
        self._pump.transmit(message, path)

    def reserve_spi(self) -> int:
        return self._spis.reserve()

    def install(self, child: Child) -> None:
        if child.encapsulation is Encapsulation.NONE:
            self._need_native_esp(child.path.remote.address.version)
        self._pump.install(child)
        self._spis.use(child.id, child.inbound.spi)

    def activate(self, child: int) -> None:
        self._pump.activate(child)

    def remove(self, child: int) -> Counters | None:
        last = self.counters(child)
        self._pump.remove(child)
        self._spis.free(child)
        return last

    def move(self, child: int, path: Path) -> None:
        self._pump.move(child, path)

    def counters(self, child: int) -> Counters | None:
        tally = self._pump.counters(child)
        return None if tally is None else Counters(*tally)

    def _need_native_esp(self, version: int) -> None:
        if version in self._native_esp:
            return
        nat_t = self._nat_t.get(version)
        if nat_t is None:
            raise OSError(errno.EAFNOSUPPORT, f"native ESP over IPv{version} needs a listen address of IPv{version}")
        with open_esp_socket(nat_t) as raw:
            self._pump.attach_raw(raw.fileno())
        self._native_esp.add(version)

    def _drain(self, receive: Callable[[bytes, Path], None], notify: Callable[[Notice], None]) -> None:
        for _ in range(MOST_AT_ONCE):
            if self._loop is None:
                return  # stopped by what the last record led to
            try:
                octets = self._records.recv_into(self._room)
            except (BlockingIOError, InterruptedError):
                return
            self._hand_over(bytes(self._room[:octets]), receive, notify)

    def _hand_over(
        self, record: bytes, receive: Callable[[bytes, Path], None], notify: Callable[[Notice], None]
    ) -> None:
        match parse(record):
            case Received(message, path):
                receive(message, path)
            case Broken() as broken:
                notify(broken)
                self.stop()
            case notice:
                notify(notice)
