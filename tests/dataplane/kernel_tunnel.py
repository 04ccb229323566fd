"""The gateway's end of a tunnel with static keys, carried by the kernel, as `static_tunnel.py` is of one that is not.

    kernel_tunnel.py LOCAL REMOTE ESP_FRAG STATE

STATE: a directory for what is to be undone. It ends by SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from dataclasses import asdict
from ipaddress import IPv4Address, ip_address
from pathlib import Path

from static_tunnel import LEASE, child, say

from lotor._native import device_mtu
from lotor.dataplane.kernel.engine import Kernel
from lotor.hosts.gateway import GatewayHost
from lotor.hosts.routing import OUTER_MARK
from lotor.hosts.sockets import open_udp
from lotor.hosts.xfrm.device import Devices
from lotor.hosts.xfrm.means import Means, Wishes
from lotor.hosts.xfrm.netlink import Xfrm
from lotor.hosts.xfrm.pairs import XfrmEsp
from lotor.model.network import OUTER_MTU, Peer
from lotor.model.network import Path as Between
from lotor.ports.esp import Capabilities, Notice


async def able() -> Capabilities:
    return Capabilities(rates=False)


async def main(local: str, remote: str, esp_frag: str, state: str) -> None:
    """Prints a line of JSON with the counters again and again."""
    nat_t = open_udp(Peer(IPv4Address(0), 4500), mark=OUTER_MARK)
    mtu = device_mtu(int(esp_frag) or OUTER_MTU)
    esp, host = XfrmEsp(Means(able, Devices(), Xfrm), Wishes(mtu)), GatewayHost(Path(state))
    device = await esp.open()
    await host.start(device.name, device.mtu, [LEASE])
    engine = Kernel(esp, device, nat_t)
    told: list[Notice] = []
    engine.start(told.append)
    path = Between(Peer(ip_address(local), 4500), Peer(ip_address(remote), 4500), floated=True)
    await engine.install(child("gateway", path, int(esp_frag) or None))
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    while not ended.is_set():
        counters = (await engine.counters([1]))[1]
        say(json.dumps({**asdict(counters), "told": [str(each) for each in told], "leading": device.leading.value}))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), 0.2)
    await host.stop()
    await engine.stop()
    say("over")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
