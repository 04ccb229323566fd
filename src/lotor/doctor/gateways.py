"""A client's gateways: the name, the way there, and with --probe what each says to a first message."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

from lotor.client.addresses import typed
from lotor.config import roadwarrior
from lotor.config.settings import RemoteSettings
from lotor.doctor.finding import Finding, ok, unknown, warn, wrong
from lotor.doctor.lookups import Lookup, lookup
from lotor.doctor.probe import Answer, Kind, ask, first_message
from lotor.doctor.reading import text_of
from lotor.doctor.subject import Subject
from lotor.hosts.netlink import Netlink
from lotor.hosts.routing import OUTER_MARK
from lotor.model.frozen import frozen
from lotor.model.network import ISAKMP_PORT, NAT_T_PORT, Address, Peer
from lotor.model.policy import Side

MOST = 4
"""Gateways that are looked at."""
PORTS = (ISAKMP_PORT, NAT_T_PORT)
DEVICES = Path("/sys/class/net")
WIREGUARD = "DEVTYPE=wireguard"
"""In what the kernel tells of a device."""


@frozen
class Way:
    """`device` by which the gateway is reached, empty with a `fault`; `tunnel`: it is another VPN's. `answers` by port,
    where they were asked for."""

    gateway: str
    address: Address | None
    device: str = ""
    fault: str = ""
    tunnel: bool = False
    answers: tuple[tuple[int, Answer], ...] = ()


async def look(subject: Subject) -> tuple[Way, ...]:
    blocks = subject.of_side(Side.CLIENT)
    named = subject.names or [str(each.address) for each in blocks if each.address is not None]
    return tuple(await asyncio.gather(*(_way(each, subject) for each in list(dict.fromkeys(named))[:MOST])))


async def _way(gateway: str, subject: Subject) -> Way:
    address = typed(gateway)
    found = Lookup(gateway, (address,)) if address is not None else await lookup(gateway)
    if found.fault or not found.addresses:
        return Way(gateway, None, fault=found.fault or "it has no address")
    chosen = min(found.addresses, key=lambda each: each.version)
    try:
        device = await Netlink().way_to(chosen, OUTER_MARK)
    except OSError as error:
        return Way(gateway, chosen, fault=str(error.strerror or error))
    answers = await _answers(gateway, chosen, subject) if subject.probe else ()
    return Way(gateway, chosen, device, tunnel=is_tunnel(device), answers=answers)


def is_tunnel(device: str, devices: Path = DEVICES) -> bool:
    """A TUN device, WireGuard or PPP."""
    place = devices / device
    kind = text_of(place / "uevent")
    return (place / "tun_flags").exists() or WIREGUARD in kind or device.startswith("ppp")


async def _answers(gateway: str, address: Address, subject: Subject) -> tuple[tuple[int, Answer], ...]:
    block = _block(gateway, address, subject)
    answers = await asyncio.gather(*(ask(Peer(address, port), first_message(block)) for port in PORTS))
    return tuple(zip(PORTS, answers, strict=True))


def _block(gateway: str, address: Address, subject: Subject) -> RemoteSettings:
    """The one that `lotor connect` would take, or that of a client without a configuration."""
    blocks = subject.of_side(Side.CLIENT)
    for each in (*(one for one in blocks if one.address == address), *(one for one in blocks if one.address is None)):
        return each
    return roadwarrior(gateway, Path("ca.crt")).remotes[0]


def judge(ways: tuple[Way, ...]) -> Iterator[Finding]:
    if not ways:
        yield unknown("no gateway is known: name it", "lotor doctor GATEWAY")
    for way in ways:
        yield from _one(way)


def _one(way: Way) -> Iterator[Finding]:
    if way.address is None:
        yield wrong(f"{way.gateway} is not found: {way.fault}", f"getent hosts {way.gateway}")
        return
    told = way.gateway if way.gateway == str(way.address) else f"{way.gateway} ({way.address})"
    if way.fault:
        yield wrong(f"{told} is not reached: {way.fault}", "ip route add default via ROUTER")
        return
    if way.tunnel:
        yield warn(f"the way to {told} leads through {way.device}, another VPN", f"ip link set {way.device} down")
    else:
        yield ok(f"{told} is reached by {way.device}")
    yield from _asked(told, way)


def _asked(told: str, way: Way) -> Iterator[Finding]:
    if not way.answers:
        yield unknown(f"whether {way.gateway} answers was not tried", f"lotor doctor --probe {way.gateway}")
        return
    for port, answer in way.answers:
        yield _answer(f"{told} at UDP {port}", port, answer, heard=_heard(way))


def _heard(way: Way) -> bool:
    return any(answer.kind in {Kind.AGREED, Kind.REFUSED} for _, answer in way.answers)


def _answer(place: str, port: int, answer: Answer, *, heard: bool) -> Finding:
    match answer.kind:
        case Kind.AGREED:
            return ok(f"{place} answers and takes a proposal")
        case Kind.REFUSED:
            return warn(f"{place} answers: {answer.told}", "lotor explain   # at the gateway: it says why")
        case Kind.CLOSED:
            return wrong(f"{place}: nothing listens there", "lotor doctor   # at the gateway")
    if port == NAT_T_PORT and heard:
        text = f"{place} says nothing to a first message, as many gateways: whether it passes, a login will tell"
        return unknown(text)
    return wrong(f"{place} does not answer: a firewall on the way, or no gateway", "lotor doctor   # at the gateway")
