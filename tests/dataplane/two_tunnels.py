"""One end of two tunnels with static keys on one device, for tests with real devices: the first has a rate limit."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from dataclasses import asdict
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from static_tunnel import SUITE, keys, say

from lotor.dataplane.tun import Tun
from lotor.dataplane.userspace.engine import Userspace
from lotor.model.child import Child, Encapsulation
from lotor.model.network import Path, Peer

LEASES = (IPv4Network("10.99.99.1/32"), IPv4Network("10.99.99.2/32"))
INSIDE = IPv4Network("10.99.99.254/32")


def child(side: str, number: int, path: Path, rate: int | None) -> Child:
    up, down = keys(0x1000_0000 + number), keys(0x2000_0000 + number)
    ends = (down, up, (LEASES[number],), (INSIDE,)) if side == "client" else (up, down, (INSIDE,), (LEASES[number],))
    return Child(number + 1, number + 1, path, Encapsulation.UDP, SUITE, *ends, rate=rate)


async def main(side: str, local: str, remote: str, rate: str) -> None:
    """Prints a line of JSON with the counters of both, again and again."""
    tun = Tun()
    nat_t = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    nat_t.bind(("0.0.0.0", 4500))
    engine = Userspace(tun, nat_t)
    tun.configure(IPv4Interface(INSIDE.network_address) if side == "gateway" else None, engine.mtu())
    engine.start(lambda *_: None, lambda notice: say(str(notice)))
    path = Path(Peer(IPv4Address(local), 4500), Peer(IPv4Address(remote), 4500), floated=True)
    for number, limit in ((0, int(rate)), (1, None)):
        engine.install(child(side, number, path, limit))
    while True:
        say(json.dumps([asdict(engine.counters(number) or 0) for number in (1, 2)]))
        await asyncio.sleep(0.2)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
