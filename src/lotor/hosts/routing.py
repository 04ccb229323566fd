"""Which routes and rules carry a client's traffic into the tunnel and nothing of it beside it: a pure plan.

Each connection has a routing table of its own, looked up before the main table, so that no route someone adds on the
outer link, however specific, takes tunnelled traffic out in clear (CVE-2024-3661). Only what our own sockets send goes
by the main table: it carries `OUTER_MARK`. Behind every tunnelled route stands an unreachable one: when the device
dies, traffic stops instead of leaving in clear, until the connection is undone.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import replace
from enum import IntEnum
from ipaddress import IPv4Network, IPv6Network, collapse_addresses

from lotor.hosts.netlink import MAIN_TABLE, Route, Rule
from lotor.model.configuration import EVERYTHING, EVERYTHING6, ModeConfiguration
from lotor.model.frozen import frozen
from lotor.model.network import Network, Path

OUTER_MARK = 0x6C6F
"""SO_MARK of every socket that sends outer datagrams (IKE, ESP in UDP, bare ESP)."""

FIRST_TABLE = 27759
SLOTS = 32
"""How many connections a host carries at once; a connection's table is `FIRST_TABLE` plus its slot."""

LAST_METRIC = 0xFFFFFFFF
THE_LAN = IPv4Network("0.0.0.0/32")
"""What gateways send to say "whatever network the client is in"."""

PRIVATE = tuple(IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"))
IPV6_LINK_LOCAL = "fe80::/10"
_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
IP_PROTOCOL_ESP = 50
IP_PROTOCOLS = (socket.IPPROTO_TCP, socket.IPPROTO_UDP, socket.IPPROTO_ICMP, 33, socket.IPPROTO_SCTP, 136)
"""Of every packet that a program may send without privileges (33 DCCP, 136 UDP-Lite)."""


class RulePriority(IntEnum):
    """First priorities of the kinds of rules, in the order in which the kernel asks them. A slot is added to each but
    SPLIT: to that how many bits the prefix is short of an address, so that of the networks of all connections the more
    specific one is asked first. What a full tunnel leaves beside it comes after the split tunnels of others."""

    OUTER = 21000
    OUTER_RETURN = 21100
    OUTER_ONLY = 21200
    BESIDE = 21300
    LINK_TUNNELLED = 21400
    LINK = 21500
    SPLIT = 21600
    FULL_BESIDE = 21740
    FULL_LINK_TUNNELLED = 21780
    FULL_LINK = 21820
    FULL = 21860


@frozen
class HostFacts:
    """What the plan must know of the host: the TUN device's index, the networks of the outer link, whether that link
    filters by the reverse path (`rp_filter` 1), and whether there is any IPv6. `outer`: the index of that link, 0 where
    none is known."""

    index: int
    connected: tuple[IPv4Network, ...] = ()
    strict_reverse_path: bool = False
    ipv6: bool = True
    outer: int = 0


@frozen
class Routing:
    """Routes and rules in the order in which they are made. `refused` are `split_local` networks left in the tunnel."""

    routes: tuple[Route, ...]
    rules: tuple[Rule, ...]
    refused: tuple[IPv4Network, ...] = ()


def tunnelled(configuration: ModeConfiguration) -> list[IPv4Network]:
    """The networks behind the tunnel; the gateway's DNS servers are behind it even where no split network has them."""
    if configuration.is_full:
        return [EVERYTHING]
    alone = [each for each in servers(configuration) if isinstance(each, IPv4Network)]
    return list(collapse_addresses([*configuration.split_include, *alone]))


def tunnelled6(configuration: ModeConfiguration) -> list[IPv6Network]:
    """The same for IPv6; nothing without an address."""
    if configuration.address6 is None:
        return []
    if configuration.is_full6:
        return [EVERYTHING6]
    alone = [each for each in servers(configuration) if isinstance(each, IPv6Network)]
    return list(collapse_addresses([*configuration.split_include6, *alone]))


def servers(configuration: ModeConfiguration) -> list[Network]:
    """Each DNS server, as a network of one host."""
    return [*map(IPv4Network, configuration.dns), *map(IPv6Network, configuration.dns6)]


def plan(configuration: ModeConfiguration, path: Path, around: HostFacts, slot: int) -> Routing:
    """Everything about routes for one connection."""
    table = FIRST_TABLE + slot
    routes = _routes(tunnelled(configuration), table, around.index, str(configuration.address))
    if configuration.address6 is not None:
        routes += _routes(tunnelled6(configuration), table, around.index, str(configuration.address6.ip))
    beside, refused = beside_of(configuration.split_local, around.connected)
    rules = [*_outer(socket.AF_INET, slot), *_outer_return(path, around, slot)]
    band = RulePriority.FULL_BESIDE if configuration.is_full else RulePriority.BESIDE
    rules += [_lookup(band, slot, MAIN_TABLE, str(network)) for network in beside]
    rules += _link(configuration, around, slot)
    rules += _ipv6(configuration, around, slot)
    if configuration.is_full:
        rules.append(_lookup(RulePriority.FULL, slot, table))
    else:
        rules += _split(tunnelled(configuration), table)
    return Routing(tuple(routes), tuple(rules), tuple(refused))


def _routes(networks: Sequence[Network], table: int, index: int, source: str) -> list[Route]:
    """Each as unreachable first, so that it never leads elsewhere."""
    pairs = ((Route(str(one), table, metric=LAST_METRIC), Route(str(one), table, index, source)) for one in networks)
    return [route for pair in pairs for route in pair]


def used_slots(priorities: set[int]) -> set[int]:
    """The slots that some rule occupies already, ours or not. Each connection has a rule of OUTER."""
    bands = [band for band in RulePriority if band is not RulePriority.SPLIT]
    return {slot for slot in range(SLOTS) if any(band + slot in priorities for band in bands)}


def full_tunnel_exists(priorities: set[int]) -> bool:
    return any(RulePriority.FULL + slot in priorities for slot in range(SLOTS))


def _split(networks: Sequence[Network], table: int) -> list[Rule]:
    """What leads to each network."""
    short = ((each, each.max_prefixlen - each.prefixlen) for each in networks)
    return [
        Rule(_FAMILIES[each.version], RulePriority.SPLIT + bits, table, destination=str(each)) for each, bits in short
    ]


def _lookup(band: RulePriority, slot: int, table: int, destination: str | None = None) -> Rule:
    return Rule(socket.AF_INET, band + slot, table, destination=destination)


def _outer(family: int, slot: int) -> list[Rule]:
    """Our own datagrams go by the main table or not at all: in the tunnel they would chase their own tail."""
    marked = Rule(family, RulePriority.OUTER + slot, MAIN_TABLE, mark=OUTER_MARK)
    return [marked, Rule(family, RulePriority.OUTER_ONLY + slot, None, mark=OUTER_MARK)]


def _outer_return(path: Path, around: HostFacts, slot: int) -> list[Rule]:
    """A strict reverse path filter asks for the way back without our mark: the gateway's datagrams would be dropped.
    These rules answer it with the main table for exactly the two ends of the path, whose source port only we hold."""
    if not around.strict_reverse_path or path.remote.address.version != 4:
        return []
    ends = Rule(
        socket.AF_INET,
        RulePriority.OUTER_RETURN + slot,
        MAIN_TABLE,
        source=f"{path.local.address}/32",
        destination=f"{path.remote.address}/32",
    )
    datagrams = replace(
        ends, protocol=socket.IPPROTO_UDP, source_port=path.local.port, destination_port=path.remote.port
    )
    return [datagrams] if path.floated else [datagrams, replace(ends, protocol=IP_PROTOCOL_ESP)]


def _link(configuration: ModeConfiguration, around: HostFacts, slot: int) -> list[Rule]:
    """A strict reverse path filter drops the ARP requests of neighbours whose network is behind the tunnel, and the
    outer link goes dumb. ARP asks without an IP protocol: what has one is tunnelled, what has none finds the link."""
    if not around.strict_reverse_path:
        return []
    rules: list[Rule] = []
    full = configuration.is_full
    inside = RulePriority.FULL_LINK_TUNNELLED if full else RulePriority.LINK_TUNNELLED
    outside = RulePriority.FULL_LINK if full else RulePriority.LINK
    for network in _overlap(around.connected, tunnelled(configuration)):
        packets = _lookup(inside, slot, FIRST_TABLE + slot, str(network))
        rules += [replace(packets, protocol=protocol) for protocol in IP_PROTOCOLS]
        rules.append(_lookup(outside, slot, MAIN_TABLE, str(network)))
    return rules


def _overlap(some: Sequence[IPv4Network], others: Sequence[IPv4Network]) -> list[IPv4Network]:
    """What is in both: of two networks that overlap one lies in the other."""
    both = [max(one, other, key=lambda each: each.prefixlen) for one in some for other in others if one.overlaps(other)]
    return list(collapse_addresses(both))


def _ipv6(configuration: ModeConfiguration, around: HostFacts, slot: int) -> list[Rule]:
    """A full tunnel that carries no IPv6 lets none out beside it (RFC 7359), but for the link itself."""
    outer, table = _outer(socket.AF_INET6, slot), FIRST_TABLE + slot
    link = Rule(socket.AF_INET6, RulePriority.BESIDE + slot, MAIN_TABLE, destination=IPV6_LINK_LOCAL)
    if configuration.address6 is None:
        closed = configuration.is_full and around.ipv6
        return [*outer, link, Rule(socket.AF_INET6, RulePriority.FULL + slot, None)] if closed else []
    if configuration.is_full6:
        return [*outer, link, Rule(socket.AF_INET6, RulePriority.FULL + slot, table)]
    return [*outer, *_split(tunnelled6(configuration), table)]


def beside_of(
    wanted: tuple[IPv4Network, ...], connected: tuple[IPv4Network, ...]
) -> tuple[list[IPv4Network], list[IPv4Network]]:
    """The networks that bypass the tunnel, and those that may not.

    "The LAN" is only private networks: an access point may claim any public range as its LAN (CVE-2023-36672). A
    network that the gateway names is a private one, too, or lies in one of the outer link's own.
    """
    beside: list[IPv4Network] = []
    refused: list[IPv4Network] = []
    for network in wanted:
        meant = connected if network in {THE_LAN, EVERYTHING} else (network,)
        for one in meant:
            own = () if meant is connected else connected
            fits = any(one.subnet_of(network) for network in (*PRIVATE, *own))
            (beside if fits else refused).append(one)
    return list(collapse_addresses(beside)), refused
