"""One end of two tunnels with static keys on one device, for tests with real devices.

    two_tunnels.py client|gateway LOCAL REMOTE RATE|slow

The first has a rate limit, or both a cipher that makes the engine slow."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from dataclasses import asdict, replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from static_tunnel import SUITE, keys, say

from lotor.dataplane.userspace.engine import Userspace
from lotor.hosts.sockets import HostSockets
from lotor.hosts.tun import Tun
from lotor.model.algorithms import Cipher, EspSuite, Integrity
from lotor.model.child import Child, DirectionKeys, Encapsulation
from lotor.model.network import Path, Peer
from lotor.model.secret import Secret

LEASES = (IPv4Network("10.99.99.1/32"), IPv4Network("10.99.99.2/32"))
INSIDE = IPv4Network("10.99.99.254/32")


def child(side: str, number: int, path: Path, rate: int | None) -> Child:
    up, down = keys(0x1000_0000 + number), keys(0x2000_0000 + number)
    ends = (down, up, (LEASES[number],), (INSIDE,)) if side == "client" else (up, down, (INSIDE,), (LEASES[number],))
    return Child(number + 1, number + 1, path, Encapsulation.UDP, SUITE, *ends, rate=rate)


def slow(child: Child) -> Child:
    """With 3DES, which costs more than everything else together."""

    def longer(keys: DirectionKeys) -> DirectionKeys:
        return replace(keys, encryption=Secret(bytes(range(24))))

    suite = EspSuite(Cipher.TRIPLE_DES_CBC, 0, Integrity.HMAC_SHA1)
    return replace(child, suite=suite, inbound=longer(child.inbound), outbound=longer(child.outbound))


async def main(side: str, local: str, remote: str, how: str) -> None:
    """Prints a line of JSON with the counters of both, again and again."""
    tun = Tun()
    nat_t = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    nat_t.bind(("0.0.0.0", 4500))
    engine = Userspace(tun, nat_t, raw_esp=HostSockets().raw_esp)
    tun.configure(IPv4Interface(INSIDE.network_address) if side == "gateway" else None, engine.interface.mtu)
    engine.start(lambda notice: say(str(notice)))
    path = Path(Peer(IPv4Address(local), 4500), Peer(IPv4Address(remote), 4500), floated=True)
    if how == "slow":
        pairs = [slow(child(side, number, path, None)) for number in (0, 1)]
    else:
        pairs = [child(side, 0, path, int(how)), child(side, 1, path, None)]
    for pair in pairs:
        await engine.install(pair)
    while True:
        counters = await engine.counters((1, 2))
        say(json.dumps([asdict(counters[number]) for number in (1, 2)]))
        await asyncio.sleep(0.2)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
