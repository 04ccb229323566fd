"""A program for a kernel with ESP: an SA pair whose cryptography a bond is to do that cannot, told as JSON. Run by
test_dataplane_offload_root.py in a network namespace that has the bond."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
from ipaddress import ip_address, ip_network

from lotor.hosts.xfrm.device import Devices
from lotor.hosts.xfrm.means import Means, Wishes
from lotor.hosts.xfrm.netlink import Xfrm
from lotor.hosts.xfrm.pairs import XfrmEsp
from lotor.hosts.xfrm.probe import Named, capabilities
from lotor.model.algorithms import Cipher, EspSuite
from lotor.model.child import Child, DirectionKeys, Encapsulation
from lotor.model.network import Path, Peer
from lotor.model.secret import Secret

GCM = EspSuite(Cipher.AES_GCM_16, 128, None)
NETWORKS = (ip_network("10.0.12.0/24"),), (ip_network("10.99.99.1/32"),)


class Heard(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def keys(spi: int) -> DirectionKeys:
    return DirectionKeys(spi, Secret(bytes(range(20))), Secret(b""))


def states() -> str:
    done = subprocess.run(("ip", "xfrm", "state", "list", "nokeys"), capture_output=True, text=True, check=True)
    return done.stdout


async def main() -> None:
    heard = Heard()
    logging.getLogger("lotor").addHandler(heard)
    esp = XfrmEsp(Means(lambda: capabilities(Named()), Devices(), Xfrm), Wishes(1400, offload=sys.argv[1]))
    opened = await esp.open()
    path = Path(Peer(ip_address("192.0.2.1"), 500), Peer(ip_address("192.0.2.7"), 500))
    await esp.install(Child(1, 1, path, Encapsulation.NONE, GCM, keys(0x1001), keys(0x2002), *NETWORKS))
    shown = states()
    await esp.close()
    json.dump({"why": opened.hindrance, "said": heard.lines, "shown": shown}, sys.stdout)


asyncio.run(main())
