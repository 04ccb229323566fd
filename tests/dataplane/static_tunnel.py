"""One end of a tunnel with static keys, for the tests with real devices: no IKE, both keys known beforehand.

    static_tunnel.py client|gateway LOCAL REMOTE ESP_FRAG [plain] [ipcomp] [greedy]

Pair 1 is for IPv4, pair 2 for IPv6. `plain`: without the shortcuts through the kernel; `greedy`: packets with any
source go out."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from dataclasses import asdict, replace
from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network, ip_address

from lotor.dataplane.userspace.engine import Userspace
from lotor.hosts.sockets import HostSockets
from lotor.hosts.tun import Tun
from lotor.model.algorithms import Cipher, Compression, EspSuite, Integrity
from lotor.model.child import Child, DirectionKeys, Encapsulation, IpComp
from lotor.model.network import Path, Peer
from lotor.model.offloads import ALL_OFFLOADS, Offloads
from lotor.model.secret import Secret
from lotor.ports.esp import Notice

LEASE, INSIDE = IPv4Network("10.99.99.1/32"), IPv4Network("203.0.113.0/24")
LEASE6, INSIDE6 = IPv6Network("fd00:99::1/128"), IPv6Network("fd00:113::/64")
TO_GATEWAY, TO_CLIENT = 0x1000_0001, 0x2000_0002
PLAIN = Offloads(tso=False, uso=False, udp_segment=False, udp_gro=False)
SUITE = EspSuite(Cipher.AES_CBC, 128, Integrity.HMAC_SHA1)


def keys(spi: int) -> DirectionKeys:
    return DirectionKeys(spi, Secret(spi.to_bytes(4, "big") * 4), Secret(spi.to_bytes(4, "big") * 5))


def child(side: str, path: Path, esp_frag: int | None) -> Child:
    ends = [(keys(TO_CLIENT), keys(TO_GATEWAY)), (LEASE, INSIDE)]
    (inbound, outbound), (local, remote) = ends if side == "client" else [pair[::-1] for pair in ends]
    return Child(1, 1, path, Encapsulation.UDP, SUITE, inbound, outbound, (local,), (remote,), esp_frag=esp_frag)


def child6(side: str, first: Child) -> Child:
    local, remote = (LEASE6, INSIDE6) if side == "client" else (INSIDE6, LEASE6)
    inbound, outbound = keys(first.inbound.spi + 1), keys(first.outbound.spi + 1)
    return replace(first, id=2, inbound=inbound, outbound=outbound, local_networks=(local,), remote_networks=(remote,))


def sockets() -> list[socket.socket]:
    four = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    four.bind(("0.0.0.0", 4500))
    six = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    six.bind(("::", 4500))
    return [four, six]


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def main(side: str, local: str, remote: str, esp_frag: str, *options: str) -> None:
    """Prints a line of JSON with the counters whenever something is told, and each second."""
    tun = Tun()
    wanted = PLAIN if "plain" in options else ALL_OFFLOADS
    engine = Userspace(tun, *sockets(), raw_esp=HostSockets().raw_esp, wanted=wanted)
    tun.configure(IPv4Interface(LEASE.network_address) if side == "client" else None, engine.interface.mtu)
    if side == "client":
        tun.configure(IPv6Interface(LEASE6.network_address), engine.interface.mtu)
    told: list[Notice] = []
    engine.start(told.append)
    path = Path(Peer(ip_address(local), 4500), Peer(ip_address(remote), 4500), floated=True)
    first = child(side, path, int(esp_frag) or None)
    if "ipcomp" in options:
        first = replace(first, compression=IpComp(Compression.DEFLATE, 2, 2))
    if "greedy" in options:
        first = replace(first, local_networks=(IPv4Network("0.0.0.0/0"),))
    for each in (first, child6(side, first)):
        await engine.install(each)
    while True:
        counters = await engine.counters((1, 2))
        say(json.dumps({**asdict(counters[1]), "six": asdict(counters[2]), "told": [str(each) for each in told]}))
        await asyncio.sleep(0.2)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
