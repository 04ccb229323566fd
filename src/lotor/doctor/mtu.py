"""What the outer links carry, and what the largest packets of tunnels become there."""

from __future__ import annotations

from collections.abc import Iterator

from lotor._native import device_mtu
from lotor.doctor.finding import Finding, ok, unknown, warn
from lotor.doctor.subject import Subject
from lotor.hosts.connected import connected
from lotor.hosts.netlink import Netlink
from lotor.hosts.tun import OWN
from lotor.hosts.xfrm.sizes import inner_mtu
from lotor.model.frozen import frozen
from lotor.model.network import OUTER_MTU
from lotor.model.policy import Side

USUAL_LIMIT = 65535
"""`esp_frag` that is not written."""


@frozen
class Outer:
    """`links`: devices of the default routes, else of all networks, each with its octets. `limit`: the largest
    `esp_frag` of the blocks, in octets of a datagram, with the kernel's engine the smallest. `inner`: octets of the
    largest packet of a tunnel."""

    links: tuple[tuple[str, int], ...]
    limit: int
    inner: int


async def look(subject: Subject) -> Outer:
    network = Netlink()
    ways = await network.ways_out() or dict.fromkeys(connected().values())
    links = [await network.link(name) for name in ways if not name.startswith(OWN)]
    blocks = [each for side in Side for each in subject.of_side(side)]
    settings, limits = subject.settings, [each.esp_frag or USUAL_LIMIT for each in blocks] or [USUAL_LIMIT]
    kernel = settings is not None and settings.engine.asks_kernel
    inner = inner_mtu(settings) if settings is not None and kernel else device_mtu(OUTER_MTU)
    return Outer(tuple((each.name, each.mtu) for each in links), min(limits) if kernel else max(limits), inner)


def judge(outer: Outer) -> Iterator[Finding]:
    if not outer.links:
        yield unknown("there is no route, and no link that would carry the tunnels")
    largest = min(outer.limit, OUTER_MTU)
    for name, octets in outer.links:
        if octets >= largest:
            yield ok(f"{name} carries {octets} octets; datagrams have up to {largest}, packets inside {outer.inner}")
        else:
            text = f"{name} carries {octets} octets: larger datagrams leave in IP fragments, which many routers drop"
            yield warn(text, f"esp_frag {octets};   # in each remote block of racoon.conf")
