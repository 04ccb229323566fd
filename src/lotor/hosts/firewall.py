"""The nftables tables that drop inner packets that come in outside the tunnel (CVE-2019-14899): a pure plan.

Each client connection and each gateway has a table of its own, named after the TUN device, so that nobody's rules are
touched and two of them do not disturb each other. Its chain looks at packets before connection tracking and routing do:
what a neighbour sends beside the tunnel gets no answer from which he could learn, and reaches no program.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, ip_network
from typing import Any

from lotor.hosts.nftables import Command, Expression, NftRule, among, anew, by_own_sa, clamped, match, merged, payload
from lotor.model.frozen import frozen
from lotor.model.network import Address, Network
from lotor.ports.host_esp import Leading

LOOPBACK = 1
"""Index of the loopback device in every network namespace: what this host sends to itself comes in there."""
CHAIN = "outside"
HOOKS = {"inet": {"hook": "prerouting", "prio": -300}, "arp": {"hook": "input", "prio": 0}}
"""Where the chain of each family stands: before connection tracking (-200), and before an answer to ARP."""
FORWARDED = {"hook": "forward", "prio": -150}


@frozen
class Pool:
    """What a gateway's table is about: the networks of its clients, and those that may send to them; none: whoever
    comes in where the way back to him leads."""

    networks: tuple[Network, ...]
    partners: tuple[Network, ...] = ()


def table_name(device: str, index: int, what: str) -> str:
    """The index is the device's alone, also when its name comes again."""
    return f"{device}-{index}-{what}"


def lease_rules(index: int, addresses: Iterable[Address]) -> list[NftRule]:
    """A client's: packets to its inner addresses come out of the device of the tunnels, of that index, or from this
    host."""
    own = [ip_network(address) for address in addresses]
    return [[_outside(index), among(each.version, "daddr", [each]), *DROP] for each in own]


def led(leading: Leading | None, rules: Iterable[NftRule]) -> list[NftRule]:
    """The same rules for a device by which the kernel carries ESP: where policies lead packets, those of the tunnels
    come in by the device of their ESP."""
    return [*([THROUGH] if leading is Leading.POLICIES else ()), *rules]


def clamping(name: str, index: int, leading: Leading) -> list[Command]:
    """The table that has TCP handshakes of others learn what fits into the tunnels: the kernel's ESP does not look
    into packets. This host's own know it from the routes."""
    ways = [match({"meta": {"key": key}}, index) for key in ("iif", "oif")]
    if leading is Leading.POLICIES:
        ways = [by_own_sa(direction) for direction in ("in", "out")]
    return [*anew("inet", name), *_chain("inet", name, FORWARDED, map(clamped, ways))]


def pool_rules(index: int, pool: Pool) -> list[NftRule]:
    """A gateway's. Nobody outside the tunnel has an address of the pool; and who sends to the pool comes in where the
    way back to him leads, so that nobody outside is taken for a host of the inside network."""
    rules: list[NftRule] = []
    for version in (4, 6):
        inside, partners = merged(pool.networks, version), merged(pool.partners, version)
        if not inside:
            continue
        to_pool = [_outside(index), among(version, "daddr", inside)]
        rules.append([_outside(index), among(version, "saddr", inside), *DROP])
        rules.append([*to_pool, NO_WAY_BACK, *DROP])
        if partners and partners[0].prefixlen:
            rules.append([*to_pool, among(version, "saddr", partners, "!="), *DROP])
    return rules


def arp_rules(index: int, address: IPv4Address) -> list[NftRule]:
    """A client's: the kernel would tell anybody on any link that this host has the address, and would be taken there
    for a neighbour who has it, too. IPv6 asks for the addresses of a link only."""
    return [[_outside(index), match(payload("arp", "daddr ip"), str(address)), *DROP]]


def replacing(family: str, name: str, rules: Iterable[NftRule]) -> list[Command]:
    """The table with these rules, whether there was one of that name or not."""
    return [*anew(family, name), *_chain(family, name, HOOKS[family], rules)]


def _chain(family: str, name: str, hook: Mapping[str, Any], rules: Iterable[NftRule]) -> list[Command]:
    chain = {"family": family, "table": name, "name": CHAIN, "type": "filter", "policy": "accept", **hook}
    rows = [{"rule": {"family": family, "table": name, "chain": CHAIN, "expr": rule}} for rule in rules]
    return [{"add": each} for each in ({"chain": chain}, *rows)]


DROP: NftRule = [{"counter": None}, {"drop": None}]
THROUGH: NftRule = [by_own_sa("in"), {"accept": None}]
"""Out of an SA of lotor's, which has looked at source and destination."""
NO_WAY_BACK: Expression = match({"fib": {"result": "oif", "flags": ["saddr", "iif"]}}, right=False)


def _outside(index: int) -> Expression:
    return match({"meta": {"key": "iif"}}, {"set": [LOOPBACK, index]}, "!=")
