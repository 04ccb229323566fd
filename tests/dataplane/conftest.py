"""A bench for the user-space engine: a socket pair as TUN device, UDP on loopback, scapy as the peer."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network, ip_address
from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.layers.ipsec import ESP, SecurityAssociation
from scapy.packet import Packet

from lotor.dataplane.userspace.engine import Userspace
from lotor.hosts.sockets import HostSockets
from lotor.model.algorithms import Cipher, EspSuite, Integrity
from lotor.model.child import Child, Counters, DirectionKeys, Encapsulation
from lotor.model.network import Path, Peer
from lotor.model.offloads import ALL_OFFLOADS, NO_OFFLOADS, Offloads
from lotor.model.secret import Secret
from lotor.ports.carrier import Receive
from lotor.ports.esp import Notice
from lotor.ports.interface import TunDevice

LEASE = "10.99.99.1"
INSIDE = "10.99.99.200"
LEASE6 = "fd00:99::1"
INSIDE6 = "fd00:99::c8"
INBOUND_SPI, OUTBOUND_SPI = 0x11223344, 0x55667788
PATIENCE = 60.0
SILENCE = 0.15
NOTHING_TO_DO = bytes(10)
"""The virtio-net header of a packet that is complete."""

AES_SHA1 = EspSuite(Cipher.AES_CBC, 128, Integrity.HMAC_SHA1)
KEY_OCTETS = {
    Integrity.HMAC_MD5: 16,
    Integrity.HMAC_SHA1: 20,
    Integrity.HMAC_SHA256: 32,
    Integrity.HMAC_SHA384: 48,
    Integrity.HMAC_SHA512: 64,
    None: 0,
}
_SCAPY_AUTH = {
    Integrity.HMAC_MD5: "HMAC-MD5-96",
    Integrity.HMAC_SHA1: "HMAC-SHA1-96",
    Integrity.HMAC_SHA256: "SHA2-256-128",
    Integrity.HMAC_SHA384: "SHA2-384-192",
    Integrity.HMAC_SHA512: "SHA2-512-256",
    None: None,
}
_SCAPY_CRYPT = {
    Cipher.AES_CBC: "AES-CBC",
    Cipher.TRIPLE_DES_CBC: "3DES",
    Cipher.BLOWFISH_CBC: "Blowfish",
    Cipher.CAST_CBC: "CAST",
    Cipher.AES_GCM_16: "AES-GCM",
    Cipher.CHACHA20_POLY1305: "CHACHA20-POLY1305",
}


def octets(count: int, seed: int) -> bytes:
    return bytes((seed + 37 * number) % 251 for number in range(count))


def keys(suite: EspSuite, spi: int) -> DirectionKeys:
    size = {Cipher.TRIPLE_DES_CBC: 24, Cipher.CHACHA20_POLY1305: 32}.get(suite.cipher, suite.key_bits // 8)
    size += 4 if suite.integrity is None else 0
    seed = spi % 250
    return DirectionKeys(spi, Secret(octets(size, seed)), Secret(octets(KEY_OCTETS[suite.integrity], seed + 1)))


def association(suite: EspSuite, direction: DirectionKeys) -> SecurityAssociation:
    return SecurityAssociation(
        ESP,
        spi=direction.spi,
        crypt_algo=_SCAPY_CRYPT[suite.cipher],
        crypt_key=direction.encryption.reveal(),
        auth_algo=_SCAPY_AUTH[suite.integrity],
        auth_key=direction.integrity.reveal() or None,
        tunnel_header=IP(src="192.0.2.1", dst="192.0.2.2"),
    )


@dataclass
class FakeTun:
    fd: int
    framed: bool = False
    name: str = "fake0"

    def configure(self, address: IPv4Interface | IPv6Interface | None, mtu: int) -> None: ...


class Engine:
    """`Userspace`, its carrier and its interface, for a test that is no coroutine: the event loop runs as long as a
    call takes."""

    def __init__(self, runner: asyncio.Runner, tun: TunDevice, *nat_t: socket.socket, **options: Any) -> None:
        self._run = runner.run
        self.tun = tun
        self.whole = Userspace(tun, *nat_t, raw_esp=HostSockets().raw_esp, **options)
        self.transmit = self.whole.carrier.transmit

    def start(self, receive: Receive, notify: Callable[[Notice], None]) -> None:
        self.whole.carrier.start(receive)
        self.whole.start(notify)

    def stop(self) -> None:
        self._run(self.whole.stop())

    def install(self, child: Child) -> None:
        self._run(self.whole.prepare(child.encapsulation, child.path.remote.address.version))
        self._run(self.whole.install(child))

    def activate(self, child: int) -> None:
        self._run(self.whole.activate(child))

    def remove(self, child: int) -> Counters | None:
        return self._run(self.whole.remove(child))

    def move(self, child: int, path: Path) -> None:
        self._run(self.whole.move(child, path))

    def counters(self, child: int) -> Counters | None:
        return self._run(self.whole.counters([child])).get(child)

    def reserve_spi(self) -> int:
        return self._run(self.whole.reserve_spi())

    def mtu(self) -> int:
        return self.whole.interface.mtu

    def offloads(self) -> Offloads:
        return self.whole.interface.offloads


@dataclass
class Bench:
    """The engine is the gateway 127.0.0.1; `inside` is the network behind it, `peer` the client's UDP socket.

    `framed`: a virtio-net header stands before every packet of the device, and large packets are cut and joined.
    """

    engine: Engine
    inside: socket.socket
    nat_t: socket.socket
    peer: socket.socket
    runner: asyncio.Runner
    framed: bool = False
    received: list[tuple[bytes, Path]] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    def start(self) -> None:
        async def begin() -> None:
            self.engine.start(lambda message, path: self.received.append((message, path)), self.notices.append)

        self.runner.run(begin())

    def another(self, *nat_t: socket.socket) -> Engine:
        """One more engine on the same device."""
        return Engine(self.runner, self.engine.tun, *nat_t)

    def child(self, **changes: object) -> Child:
        """A tunnel between the lease outside and one address inside."""
        suite = changes.get("suite", AES_SHA1)
        assert isinstance(suite, EspSuite)
        child = Child(
            id=1,
            session=1,
            path=self.path(),
            encapsulation=Encapsulation.UDP,
            suite=suite,
            inbound=keys(suite, INBOUND_SPI),
            outbound=keys(suite, OUTBOUND_SPI),
            local_networks=(IPv4Network(INSIDE),),
            remote_networks=(IPv4Network(LEASE),),
        )
        return replace(child, **changes)  # type: ignore[arg-type]  # names and types are the caller's

    def install(self, **changes: object) -> Child:
        child = self.child(**changes)
        self.engine.install(child)
        return child

    def path(self, peer: socket.socket | None = None) -> Path:
        return Path(_end(self.nat_t), _end(peer or self.peer), floated=True)

    def arrive(self, datagram: bytes | Packet, peer: socket.socket | None = None) -> None:
        """From the outside."""
        (peer or self.peer).sendto(bytes(datagram), self.nat_t.getsockname())

    def leave(self, packet: bytes | Packet) -> None:
        """From the inside."""
        self.inside.send(NOTHING_TO_DO * self.framed + bytes(packet))

    def came_inside(self) -> bytes:
        return self.came_framed()[1]

    def came_framed(self) -> tuple[bytes, bytes]:
        """The virtio-net header, and the packet."""
        whole = _recv(self.inside)
        start = len(NOTHING_TO_DO) * self.framed
        return whole[:start], whole[start:]

    def came_outside(self) -> bytes:
        return _recv(self.peer)

    def nothing_inside(self) -> bool:
        return not _readable(self.inside, SILENCE)

    def nothing_outside(self) -> bool:
        return not _readable(self.peer, SILENCE)

    def wait(self, condition: Callable[[], object]) -> None:
        """Runs the event loop until `condition`."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, "it did not happen"
            self.runner.run(asyncio.sleep(0.005))

    def rest(self) -> None:
        """Lets the event loop hand over what is there."""
        self.runner.run(asyncio.sleep(SILENCE))


def _end(udp: socket.socket) -> Peer:
    address, port = udp.getsockname()[:2]
    return Peer(ip_address(address), port)


def _readable(sock: socket.socket, patience: float) -> bool:
    return bool(select.select([sock], [], [], patience)[0])


def _recv(sock: socket.socket) -> bytes:
    assert _readable(sock, PATIENCE), "nothing came"
    return sock.recv(65536)


def loopback(address: str = "127.0.0.1") -> socket.socket:
    udp = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    udp.bind((address, 0))
    return udp


@contextlib.contextmanager
def running(*, framed: bool, outer: str = "127.0.0.1", release: str = os.uname().release) -> Iterator[Bench]:
    wanted = ALL_OFFLOADS if framed else NO_OFFLOADS
    inside, device = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with inside, device, loopback(outer) as nat_t, loopback(outer) as peer, asyncio.Runner() as runner:
        for end in (inside, device):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        engine = Engine(runner, FakeTun(device.fileno(), framed), nat_t, wanted=wanted, release=release)
        bench = Bench(engine, inside, nat_t, peer, runner, framed)
        bench.start()
        yield bench
        engine.stop()


@pytest.fixture(params=["plain", "offloaded"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Started, without SA pairs; once packet by packet, once with every shortcut through the kernel."""
    with running(framed=request.param == "offloaded") as bench:
        yield bench


@pytest.fixture(params=["plain", "offloaded"])
def bench6(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """The same with IPv6 outside."""
    with running(framed=request.param == "offloaded", outer="::1") as bench:
        yield bench


@pytest.fixture(params=["127.0.0.1", "::1"])
def anywhere(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """With every shortcut, once with IPv4 outside, once with IPv6."""
    with running(framed=True, outer=request.param) as bench:
        yield bench


@pytest.fixture(params=["127.0.0.1", "::1"])
def garbling(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """On a kernel that garbles batches of one length, if its version is to be believed."""
    with running(framed=True, outer=request.param, release="7.0.4-1-generic") as bench:
        yield bench


@pytest.fixture
def plain() -> Iterator[Bench]:
    with running(framed=False) as bench:
        yield bench


@pytest.fixture
def offloaded() -> Iterator[Bench]:
    with running(framed=True) as bench:
        yield bench


@pytest.fixture
def udp_socket() -> Callable[[], socket.socket]:
    return loopback


@pytest.fixture
def scapy_pair() -> Callable[[Child], tuple[SecurityAssociation, SecurityAssociation]]:
    """For a child: what the peer seals with, and what it opens with."""
    return lambda child: (association(child.suite, child.inbound), association(child.suite, child.outbound))


@dataclass
class Client:
    """scapy as the other end of a child."""

    seals: SecurityAssociation
    opens: SecurityAssociation

    def seal(self, inner: Packet, sequence: int | None = None) -> bytes:
        return bytes(self.seals.encrypt(inner, seq_num=sequence)[ESP])

    def open(self, esp: bytes) -> Packet:
        """The packet that the engine sealed."""
        return self.opens.decrypt(IP(src="192.0.2.1", dst="192.0.2.2", proto=50) / ESP(esp))


@pytest.fixture
def client() -> Callable[[Child], Client]:
    return lambda child: Client(association(child.suite, child.inbound), association(child.suite, child.outbound))


@pytest.fixture
def ping() -> Callable[..., Packet]:
    """From the client to the inside; `back` the other way."""

    def make(size: int = 56, *, back: bool = False, **header: object) -> Packet:
        ends = {"src": INSIDE, "dst": LEASE} if back else {"src": LEASE, "dst": INSIDE}
        packet = IP(**{**ends, "id": 77, **header}) / ICMP() / octets(size, 3)
        return IP(bytes(packet))

    return make


@pytest.fixture
def ping6() -> Callable[..., Packet]:
    """`ping` over IPv6."""

    def make(size: int = 56, *, back: bool = False, **header: object) -> Packet:
        ends = {"src": INSIDE6, "dst": LEASE6} if back else {"src": LEASE6, "dst": INSIDE6}
        packet = IPv6(**{**ends, "fl": 0xABCDE, **header}) / ICMPv6EchoRequest(id=7, data=octets(size, 3))
        return IPv6(bytes(packet))

    return make


@pytest.fixture
def within6() -> dict[str, object]:
    """What makes `Bench.child` a pair for IPv6 inside."""
    return {"local_networks": (IPv6Network(INSIDE6),), "remote_networks": (IPv6Network(LEASE6),)}
