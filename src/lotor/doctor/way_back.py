"""The way back from inside hosts to the pool: masquerading, proxy ARP for a pool inside a LAN, or a route there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network

from lotor.doctor.echo import echo
from lotor.doctor.finding import Finding, ok, unknown, warn, wrong
from lotor.doctor.subject import Subject
from lotor.hosts import foreign_rules, sysctl
from lotor.hosts.connected import connected
from lotor.hosts.foreign_listing import Listing, listing_of
from lotor.hosts.foreign_rules import Packet
from lotor.hosts.netlink import Netlink
from lotor.hosts.network_state import TUNNEL
from lotor.hosts.tun import OWN
from lotor.model.frozen import frozen
from lotor.model.network import Address, Network

PROXY_ARP = "net/ipv4/conf/{}/proxy_arp"
MASQUERADE = " (or network { masquerade on; } in racoon.conf)"
MOST_ASKED = 2
"""Inside hosts that are sent an echo request."""


@frozen
class Lan:
    """A network of this host in which the pool lies. `proxied`: its device answers for the addresses of the pool."""

    network: Network
    device: str
    proxied: bool


@frozen
class WayBack:
    """`masqueraded` None: it cannot be seen, or judged, because of `fault`. `echoes`: inside hosts that were asked from
    an address of the pool, and whether an answer came; `own`: an address of this host on the inside."""

    pool: tuple[Network, ...]
    masqueraded: bool | None
    lans: tuple[Lan, ...] = ()
    echoes: tuple[tuple[Address, bool], ...] = ()
    own: Address | None = None
    fault: str = ""


async def look(subject: Subject) -> WayBack:
    pool = tuple(each for each in subject.pool if each.version == 4)
    near = {network: device for network, device in connected().items() if not device.startswith(OWN)}
    found = [(network, device) for network, device in near.items() if _inside(pool, network)]
    lans = tuple([Lan(network, device, await _answers(device, pool)) for network, device in found])
    inner = await _inner(near)
    masqueraded, fault = await _masqueraded(subject, pool, {net: way for net, way in near.items() if way in inner})
    addresses = [address for _, address in await Netlink().addresses()]
    mode_cfg = subject.mode_cfg
    hosts = [each for each in mode_cfg.dns4 if each not in addresses] if mode_cfg else []
    echoes = await _echoes(pool, hosts[:MOST_ASKED]) if subject.root and pool and not masqueraded and not lans else ()
    own = next((each for each in addresses if any(each in network for network in near if near[network] in inner)), None)
    return WayBack(pool, masqueraded, lans, echoes, own, fault)


async def _answers(device: str, pool: tuple[Network, ...]) -> bool:
    """By the switch of the device, or address by address."""
    if _switched(device):
        return True
    try:
        link = await Netlink().link(device)
        return pool[0].network_address in await Netlink().proxies(link.index)
    except OSError:
        return False


def _inside(pool: tuple[Network, ...], network: Network) -> bool:
    return any(each.version == network.version and each.overlaps(network) for each in pool)


def _switched(device: str) -> bool:
    return sysctl.get(PROXY_ARP.format(device)) == "1"


async def _inner(near: dict[Network, str]) -> tuple[str, ...]:
    """Devices of the inside: those without a default route, or all."""
    outer = await Netlink().ways_out()
    devices = tuple(dict.fromkeys(near.values()))
    return tuple(each for each in devices if each not in outer) or devices


async def _masqueraded(
    subject: Subject, pool: tuple[Network, ...], inside: Mapping[Network, str]
) -> tuple[bool | None, str]:
    try:
        listing = await listing_of(subject.commands)
    except OSError as error:
        return None, str(error.strerror or error)
    return translated(listing, pool, inside), ""


def translated(listing: Listing, pool: tuple[Network, ...], inside: Mapping[Network, str]) -> bool | None:
    """Whether all of the pool leaves for the networks inside, each at its device, with another address; None:
    perhaps."""
    rules = listing.rules()
    ways = [(network, device) for network, device in inside.items() if network.version == 4]
    packets = [
        Packet("postrouting", 4, TUNNEL, (device,), source=each, destination=network)
        for each in pool
        for network, device in ways
    ]
    answers = [foreign_rules.translates(rules, each) for each in packets]
    return False if False in answers or not answers else None if None in answers else True


async def _echoes(pool: tuple[Network, ...], hosts: list[IPv4Address]) -> tuple[tuple[Address, bool], ...]:
    """From the last address of the pool, which clients get last."""
    source = pool[-1].broadcast_address
    if not isinstance(source, IPv4Address):
        return ()
    answers = await asyncio.gather(*(echo(source, each) for each in hosts))
    return tuple(zip(hosts, answers, strict=True))


def judge(way: WayBack) -> Iterator[Finding]:
    if not way.pool:
        yield ok("there is no pool of IPv4 to come back to")
    elif way.lans:
        yield from map(_by_arp, way.lans)
    elif way.masqueraded:
        yield ok("clients are masqueraded: inside hosts answer this gateway")
    elif way.echoes:
        yield from (_echoed(each, answered, way) for each, answered in way.echoes)
    else:
        seen = f" ({way.fault})" if way.fault else ""
        text = f"clients {_whether(way)} masqueraded{seen}: inside hosts need a route to them, "
        text += f"which cannot be seen from here{MASQUERADE}"
        yield unknown(text, *_routes(way))


def _by_arp(lan: Lan) -> Finding:
    if lan.proxied:
        return ok(f"the pool lies in {lan.network}, and {lan.device} answers ARP for it")
    text = f"the pool lies in {lan.network}, and {lan.device} does not answer ARP for it: no answer finds its way back"
    return wrong(
        f"{text} (network {{ proxy_arp {lan.device}; }})", f"sysctl -w {sysctl.shown(PROXY_ARP.format(lan.device))}=1"
    )


def _echoed(host: Address, answered: bool, way: WayBack) -> Finding:
    if answered:
        return ok(f"{host} answers to addresses of the pool")
    text = f"{host} does not answer to addresses of the pool, and clients {_whether(way)} masqueraded{MASQUERADE}"
    return warn(text, *_routes(way))


def _whether(way: WayBack) -> str:
    return "may be" if way.masqueraded is None else "are not"


def _routes(way: WayBack) -> tuple[str, ...]:
    """What inside hosts, or their router, need; the other way out is masquerading here."""
    whole = _whole(way.pool)
    return (f"ip route add {whole} via {way.own or 'THIS-GATEWAY'}   # on the router of the inside",)


def _whole(pool: tuple[Network, ...]) -> Network:
    """The smallest network that has all of them."""
    found = pool[0]
    while isinstance(found, IPv4Network) and not all(each.network_address in found for each in pool):
        found = found.supernet()
    return found
