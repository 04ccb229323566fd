"""Other VPNs of a client's host: tunnels that are up, and what leaves by them."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from lotor.doctor.finding import Finding, ok, warn
from lotor.doctor.gateways import DEVICES, WIREGUARD, is_tunnel
from lotor.doctor.reading import text_of
from lotor.doctor.subject import Subject
from lotor.hosts.netlink import Netlink
from lotor.hosts.tun import OWN
from lotor.model.frozen import frozen

SOMEBODY = ip_address("192.0.2.1")
"""An address of nobody (RFC 5737): the kernel is asked for the way there, and nothing is sent."""


@frozen
class Tunnels:
    """`up`: tunnels of others, and whether each is WireGuard. `default`: the device by which everything else leaves,
    empty where nothing does."""

    up: tuple[tuple[str, bool], ...]
    default: str


async def look(subject: Subject) -> Tunnels:
    del subject
    names = sorted(each.name for each in DEVICES.iterdir())
    others = [each for each in names if not each.startswith(OWN) and is_tunnel(each) and _is_up(each)]
    try:
        default = await Netlink().way_to(SOMEBODY, 0)
    except OSError:
        default = ""
    return Tunnels(tuple((each, WIREGUARD in text_of(DEVICES / each / "uevent")) for each in others), default)


def _is_up(device: str) -> bool:
    flags = text_of(DEVICES / device / "flags").strip()
    return bool(int(flags, 16) & 1) if flags else False


def judge(tunnels: Tunnels) -> Iterator[Finding]:
    if not tunnels.up:
        yield ok("no other VPN is up")
    for name, wireguard in tunnels.up:
        if name == tunnels.default:
            down = f"wg-quick down {name}" if wireguard else f"ip link set {name} down"
            yield warn(f"all traffic leaves by {name}, another VPN: two that want everything are one too many", down)
        else:
            yield ok(f"{name}, another VPN, is up and leaves the rest alone")
