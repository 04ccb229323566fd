"""An emulated Windows on real sockets, as a program for the lab: it logs in, asks for its routes by DHCPINFORM through
the tunnel, pings a host inside, and prints what it got as JSON.

    windows_outside.py OWN GATEWAY INSIDE_HOST USER PASSWORD
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from ipaddress import IPv4Address, IPv4Network

from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import ICMP, IP, UDP

from lotor.dataplane.userspace.engine import Userspace
from lotor.hosts.sockets import HostSockets
from lotor.ike.v2 import keys
from lotor.model.child import Child, Encapsulation
from lotor.model.network import Path, Peer
from lotor.model.offloads import Offloads
from lotor.runtime.randomness import SystemRandomness
from lotor.wire.v2.chain import Chain
from lotor.wire.v2.numbers import PayloadType
from lotor.wire.v2.payloads import Certificate
from peers.devices import windows_hardened
from peers.guest import SPI, Guest
from peers.speaker_v2 import Speaker

PATIENCE = 60.0
MARKER = bytes(4)
NOTHING = Offloads(tso=False, uso=False, udp_segment=False, udp_gro=False)
WANTED = (1, 15, 3, 6, 44, 46, 47, 31, 33, 121, 249, 43)
"""What a Windows asks for."""


class Talker(Speaker):
    """With keys that nobody can guess."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.randomness = SystemRandomness()
        self.spi_i, self.ni = self.randomness.cookie(), self.randomness.nonce(self.manners.nonce)
        self.pair = self.randomness.key_pair(self.group)


class Visitor(Guest):
    """A guest of a real gateway, whose signature the tests of its certificate judge."""

    def __post_init__(self) -> None:
        self.port, self.sockets = 500, {port: socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for port in (500, 4500)}
        for port, each in self.sockets.items():
            each.bind((self.own, port))
            each.settimeout(PATIENCE)
        self.speaker = Talker(self.device.manners, 1, (IPv4Address(self.own), 500), (IPv4Address(self.there), 500))

    def send(self, datagrams: list[bytes], seconds: float = 0.5) -> list[bytes]:
        sock, marker = self.sockets[self.port], MARKER if self.port == 4500 else b""
        for datagram in datagrams:
            sock.sendto(marker + datagram, (self.there, self.port))
        return [sock.recv(65536).removeprefix(marker)]

    def ask(self, exchange: int, *payloads: object, seconds: float = 0.5) -> Chain:
        (datagram,) = self.send(self.speaker.request(exchange, *payloads))
        while (heard := self.speaker.hear(datagram)) is None:
            datagram = self.sockets[4500].recv(65536).removeprefix(MARKER)
        return heard[1]

    def _proved(self, chain: Chain) -> bool:
        self.named = chain.of_type(PayloadType.IDENTIFICATION_R)
        return self._goes_on(chain) and bool(chain.all(Certificate))

    def pair(self) -> Child:
        """The first SA pair."""
        made = keys.of_first_child(self.speaker.sa, self.child.suite)
        return Child(
            id=1,
            session=1,
            path=Path(Peer(IPv4Address(self.own), 4500), Peer(IPv4Address(self.there), 4500), floated=True),
            encapsulation=Encapsulation.UDP,
            suite=self.child.suite,
            inbound=made.direction(int.from_bytes(SPI, "big"), initiator=False),
            outbound=made.direction(int.from_bytes(self.child.spi, "big"), initiator=True),
            local_networks=(IPv4Network(self.inner),),
            remote_networks=(IPv4Network("0.0.0.0/0"),),
        )


class Device:
    """A TUN device that is a socket pair."""

    name, framed = "fake0", False

    def __init__(self) -> None:
        self.ours, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.fd = self._theirs.fileno()
        self.ours.setblocking(False)


def inform(inner: IPv4Address) -> bytes:
    options = [("message-type", "inform"), ("vendor_class_id", b"MSFT 5.0"), ("param_req_list", list(WANTED)), "end"]
    message = BOOTP(ciaddr=str(inner), chaddr=b"\x02\0\0\0\0\x07", xid=0x12345678, flags="B") / DHCP(options=options)
    return bytes(IP(src=str(inner), dst="255.255.255.255") / UDP(sport=68, dport=67) / message)


async def ask(visitor: Visitor, inside_host: str) -> dict[str, object]:
    """A DHCPINFORM, then an echo request: what came before its reply."""
    device, loop = Device(), asyncio.get_running_loop()
    engine = Userspace(device, visitor.sockets[4500], raw_esp=HostSockets().raw_esp, wanted=NOTHING)
    engine.start(lambda _: None)
    await engine.install(visitor.pair())
    echo = bytes(IP(src=str(visitor.inner), dst=inside_host) / ICMP(id=7) / b"are you there")
    for packet in (inform(visitor.inner), echo):
        await loop.sock_sendall(device.ours, packet)
    options: dict[str, str] = {}
    while True:
        packet = IP(await asyncio.wait_for(loop.sock_recv(device.ours, 65536), PATIENCE))
        if packet.haslayer(ICMP):
            return {"inner": str(visitor.inner), "options": options, "from": packet.src}
        options = {str(number): octets.hex() for number, octets in split(bytes(packet[DHCP]))}


def split(octets: bytes) -> list[tuple[int, bytes]]:
    """The options of a message, up to the end of them."""
    found = []
    while octets and octets[0] != 255:
        found.append((octets[0], octets[2 : 2 + octets[1]]))
        octets = octets[2 + octets[1] :]
    return found


def main(own: str, there: str, inside_host: str, user: str, password: str) -> None:
    Visitor.own, Visitor.there = own, there
    visitor = Visitor(None, None, windows_hardened(), user=user, password=password)
    assert visitor.come_up(), visitor.refused
    sys.stdout.write(json.dumps(asyncio.run(ask(visitor, inside_host))))


if __name__ == "__main__":
    main(*sys.argv[1:])
