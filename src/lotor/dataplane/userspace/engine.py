"""The user-space engine: ESP between a TUN device and UDP port 4500, carried by a Rust thread without the GIL."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import astuple, replace

from lotor._native import Pump, device_mtu
from lotor.dataplane.spis import Spis
from lotor.dataplane.userspace.kernels import breaks_segments
from lotor.dataplane.userspace.records import LARGEST_RECORD, Received, parse
from lotor.model.algorithms import Compression
from lotor.model.child import Child, Counters, Encapsulation
from lotor.model.network import OUTER_MTU, Path
from lotor.model.offloads import ALL_OFFLOADS, Offloads
from lotor.ports.carrier import Receive
from lotor.ports.esp import Broken, Capabilities, Notice
from lotor.ports.interface import TunDevice

MOST_AT_ONCE = 64
"""Records that are read before other work of the event loop gets its turn."""
CAPABILITIES = Capabilities(compressions=frozenset({Compression.DEFLATE}))
_SEQPACKET_BUFFER = 1 << 20
_VERSIONS = {socket.AF_INET: 4, socket.AF_INET6: 6}


class NatTraversal:
    """`ports.Carrier` of the engine's UDP sockets of port 4500, which carry ESP too: the engine adds and removes the
    marker before ISAKMP messages."""

    def __init__(self, pump: Pump) -> None:
        self._pump = pump
        self.receive: Receive | None = None

    def start(self, receive: Receive) -> None:
        self.receive = receive

    def close(self) -> None:
        """The sockets are the engine's; nothing is received from them any more."""
        self.receive = None

    def serves(self, path: Path) -> bool:
        return path.floated

    def transmit(self, data: bytes, path: Path) -> None:
        self._pump.transmit(data, path)


class Device:
    """`ports.TunnelInterface` of the engine's TUN device."""

    def __init__(self, name: str, mtu: int, pump: Pump) -> None:
        self.name = name
        self.mtu = mtu
        self._pump = pump

    @property
    def offloads(self) -> Offloads:
        return Offloads(*self._pump.offloads())


class Userspace:
    """`ports.EspEngine` for many tunnels on one TUN device (`interface`) and a NAT traversal socket of IPv4, one of
    IPv6, or both (`carrier`). The device and the sockets remain their owner's. `raw_esp` opens a socket of native ESP
    when the first SA pair without UDP encapsulation of an IP version is prepared; it may be refused. Packets wait in
    the kernel until `start`; after `stop` the engine cannot be started again. `wanted`: the kernel offloads that may be
    used; `release`: the kernel's version."""

    capabilities = CAPABILITIES

    def __init__(
        self,
        tun: TunDevice,
        *nat_t: socket.socket,
        raw_esp: Callable[[int], Awaitable[socket.socket]],
        outer_mtu: int = OUTER_MTU,
        wanted: Offloads = ALL_OFFLOADS,
        release: str = os.uname().release,
    ) -> None:
        self._raw_esp = raw_esp
        self._nat_t = {_VERSIONS.get(each.family) for each in nat_t}
        if None in self._nat_t or not 0 < len(self._nat_t) == len(nat_t):
            raise OSError("the user-space engine needs a NAT traversal socket of IPv4, one of IPv6, or one of each")
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
            self._pump = Pump(descriptors, tun.framed, outer_mtu, astuple(wanted))
        self.carrier = NatTraversal(self._pump)
        self.interface = Device(tun.name, device_mtu(outer_mtu), self._pump)

    def start(self, notify: Callable[[Notice], None]) -> None:
        if self._records.fileno() < 0:
            raise OSError("the packet engine was stopped: make a new one")
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._records, self._drain, notify)
            self._pump.start()

    async def stop(self) -> None:
        self._halt()

    def _halt(self) -> None:
        if self._loop is not None:
            self._loop.remove_reader(self._records)
            self._loop = None
        self._pump.stop()
        self._records.close()

    async def reserve_spi(self) -> int:
        return self._spis.reserve()

    async def prepare(self, encapsulation: Encapsulation, version: int) -> None:
        if encapsulation is Encapsulation.UDP or version in self._native_esp:
            return
        if version not in self._nat_t:
            raise OSError(errno.EAFNOSUPPORT, f"native ESP over IPv{version} needs a listen address of IPv{version}")
        with await self._raw_esp(version) as raw:
            self._pump.attach_raw(raw.fileno())
        self._native_esp.add(version)

    async def install(self, child: Child) -> None:
        self._pump.install(child)
        self._spis.use(child.id, child.inbound.spi)

    async def activate(self, child: int) -> None:
        self._pump.activate(child)

    async def remove(self, child: int) -> Counters | None:
        last = self._counters(child)
        self._pump.remove(child)
        self._spis.free(child)
        return last

    async def move(self, child: int, path: Path) -> None:
        self._pump.move(child, path)

    async def counters(self, children: Iterable[int]) -> dict[int, Counters]:
        found = ((child, self._counters(child)) for child in children)
        return {child: counters for child, counters in found if counters is not None}

    def _counters(self, child: int) -> Counters | None:
        tally = self._pump.counters(child)
        return None if tally is None else Counters(*tally)

    def _drain(self, notify: Callable[[Notice], None]) -> None:
        for _ in range(MOST_AT_ONCE):
            if self._loop is None:
                return  # stopped by what the last record led to
            try:
                octets = self._records.recv_into(self._room)
            except (BlockingIOError, InterruptedError):
                return
            self._hand_over(bytes(self._room[:octets]), notify)

    def _hand_over(self, record: bytes, notify: Callable[[Notice], None]) -> None:
        match parse(record):
            case Received(message, path):
                if self.carrier.receive is not None:
                    self.carrier.receive(message, path)
            case Broken() as broken:
                notify(broken)
                self._halt()
            case notice:
                notify(notice)
