"""One end of a tunnel with static keys, for the tests with real devices: no IKE, both keys known beforehand."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from dataclasses import asdict
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from lotor.dataplane.tun import Tun
from lotor.dataplane.userspace.engine import Userspace
from lotor.model.algorithms import Cipher, EspSuite, Integrity
from lotor.model.child import Child, DirectionKeys, Encapsulation
from lotor.model.network import Path, Peer
from lotor.model.secret import Secret
from lotor.ports.dataplane import Notice

LEASE, INSIDE = IPv4Network("10.99.99.1/32"), IPv4Network("203.0.113.0/24")
TO_GATEWAY, TO_CLIENT = 0x1000_0001, 0x2000_0002
SUITE = EspSuite(Cipher.AES_CBC, 128, Integrity.HMAC_SHA1)


def keys(spi: int) -> DirectionKeys:
    return DirectionKeys(spi, Secret(spi.to_bytes(4, "big") * 4), Secret(spi.to_bytes(4, "big") * 5))


def child(side: str, path: Path, esp_frag: int | None) -> Child:
    ends = [(keys(TO_CLIENT), keys(TO_GATEWAY)), (LEASE, INSIDE)]
    (inbound, outbound), (local, remote) = ends if side == "client" else [pair[::-1] for pair in ends]
    return Child(1, 1, path, Encapsulation.UDP, SUITE, inbound, outbound, (local,), (remote,), esp_frag=esp_frag)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def main(side: str, local: str, remote: str, esp_frag: str) -> None:
    """Prints a line of JSON with the counters whenever something is told, and each second."""
    tun = Tun()
    nat_t = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    nat_t.bind(("0.0.0.0", 4500))
    engine = Userspace(tun, nat_t)
    tun.configure(IPv4Interface(LEASE.network_address) if side == "client" else None, engine.mtu())
    told: list[Notice] = []
    engine.start(lambda *_: None, told.append)
    path = Path(Peer(IPv4Address(local), 4500), Peer(IPv4Address(remote), 4500), floated=True)
    engine.install(child(side, path, int(esp_frag) or None))
    while True:
        counters = engine.counters(1)
        assert counters is not None
        say(json.dumps({**asdict(counters), "told": [str(each) for each in told]}))
        await asyncio.sleep(0.2)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
