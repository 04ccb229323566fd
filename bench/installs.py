"""SA pairs that lotor's engine puts into the kernel and takes away again, without a handshake: what it takes, as JSON.

Runs where the kernel has ESP. `near`: the engine in this process. `far`: a process without the engine asks by the line
of the two processes, as a daemon asks its warden, which judges each pair by the configuration of a gateway.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_network
from typing import TypeVar

from lab.counts import some
from lotor import config
from lotor.hosts.xfrm.device import Devices
from lotor.hosts.xfrm.means import Means, Wishes
from lotor.hosts.xfrm.netlink import Xfrm
from lotor.hosts.xfrm.pairs import XfrmEsp
from lotor.model.algorithms import Cipher, EspSuite
from lotor.model.child import Child, DirectionKeys, Encapsulation
from lotor.model.network import Path, Peer
from lotor.model.secret import Secret
from lotor.ports.esp import Capabilities
from lotor.ports.host_esp import HostEsp
from lotor.privsep.asking import Asker
from lotor.privsep.far_esp import FarHostEsp
from lotor.privsep.frames import pair
from lotor.privsep.serving import Server
from lotor.warden.carrying import Carrying, Surroundings, rows
from lotor.warden.pairs import Grounds

SUITE = EspSuite(Cipher.AES_GCM_16, 128, None)
HERE, PEER = IPv4Address("192.0.2.50"), IPv4Address("192.0.2.1")
PATH = Path(Peer(HERE, 4500), Peer(PEER, 4500), floated=True)
EVERYWHERE = ip_network("0.0.0.0/0")
FIRST_INSIDE = IPv4Address("10.99.0.1")
MTU = 1400
CONFIGURATION = """
remote anonymous {
    exchange_mode main; certificate_type x509 "gateway.crt" "gateway.key"; generate_policy on;
    proposal { encryption_algorithm aes; hash_algorithm sha256; authentication_method hybrid_rsa_server; dh_group 14; }
}
"""


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Options:
    """How many pairs, and how many of them are under way at a time."""

    count: int
    together: int


def child(number: int) -> Child:
    """That of a person who has an address of the pool."""
    into, out = (DirectionKeys(0x1000 + 2 * number + way, Secret(bytes(20)), Secret(b"")) for way in (0, 1))
    networks = (EVERYWHERE,), (ip_network(FIRST_INSIDE + number),)
    return Child(number + 1, number + 1, PATH, Encapsulation.UDP, SUITE, into, out, *networks)


async def measured(esp: HostEsp, options: Options) -> dict[str, float]:
    """Seconds for all of them."""
    await esp.open()
    children = [child(number) for number in range(options.count)]
    began = time.perf_counter()
    await asyncio.gather(*_under_way(options.together, iter(children), esp.install))
    installed = time.perf_counter()
    await asyncio.gather(*_under_way(options.together, (each.id for each in children), esp.remove))
    removed = time.perf_counter()
    await esp.close()
    return {"install": installed - began, "remove": removed - installed}


def _under_way(together: int, left: Iterator[T], change: Callable[[T], Awaitable[object]]) -> Iterator[Awaitable[None]]:
    """So many people, each of whom comes when the one before has what he came for."""

    async def one_after_the_other() -> None:
        for each in left:
            await change(each)

    return (one_after_the_other() for _ in range(together))


async def _everything() -> Capabilities:
    """The kernel is not asked: it has what the pairs need."""
    return Capabilities(frozenset(), rates=False, cuts=False)


def engine() -> XfrmEsp:
    return XfrmEsp(Means(_everything, Devices(), Xfrm), Wishes(MTU))


async def near(options: Options) -> None:
    print(json.dumps(await measured(engine(), options)))


async def far(options: Options, line: socket.socket) -> None:
    asker = Asker(line, sys.exit)
    print(json.dumps(await measured(FarHostEsp(asker), options)))
    asker.close()


async def serve(count: int, line: socket.socket) -> None:
    """The warden's end, until the other one is gone."""
    gone = asyncio.Event()
    settings = [config.loads(CONFIGURATION).settings]
    grounds = Grounds(lambda: settings, lambda _: True, set, lambda address: address == HERE, lambda: {500, 4500})
    carrying = Carrying(engine(), Surroundings(lambda: True, lambda: None, lambda: count, grounds))
    server = Server(line, rows(carrying), lambda _: gone.set())
    await gone.wait()
    server.close()
    await carrying.let_go()


@contextmanager
def two_processes(count: int) -> Iterator[socket.socket]:
    """The daemon's end of a line."""
    daemon, warden = pair()
    process = os.fork()
    if process == 0:
        daemon.close()
        asyncio.run(serve(count, warden))
        os._exit(0)
    warden.close()
    with daemon:
        yield daemon
    os.waitpid(process, 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("how", choices=("near", "far"))
    parser.add_argument("--count", type=some, default=1000, help="of SA pairs")
    parser.add_argument("--together", type=some, default=1, help="so many are under way at a time")
    words = parser.parse_args()
    options = Options(words.count, words.together)
    if words.how == "near":
        asyncio.run(near(options))
    else:
        with two_processes(options.count) as line:
            asyncio.run(far(options, line))


if __name__ == "__main__":
    main()
