"""The nftables tables that drop inner packets that come in outside the tunnel (CVE-2019-14899): a pure plan.

Each client connection and each gateway has a table of its own, named after the TUN device, so that nobody's rules are
touched and two of them do not disturb each other. Its chain looks at packets before connection tracking and routing do:
what a neighbour sends beside the tunnel gets no answer from which he could learn, and reaches no program.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Any

from lotor.model.network import Address, Network
from lotor.model.text import clean

LOOPBACK = 1
"""Index of the loopback device in every network namespace: what this host sends to itself comes in there."""
CHAIN = "outside"
HOOKS = {"inet": {"hook": "prerouting", "prio": -300}, "arp": {"hook": "input", "prio": 0}}
"""Where the chain of each family stands: before connection tracking (-200), and before an answer to ARP."""

Expression = dict[str, Any]
NftRule = list[Expression]


@dataclass(frozen=True, slots=True)
class Pool:
    """What a gateway's table is about: the networks of its clients, and those that may send to them; none: whoever
    comes in where the way back to him leads."""

    networks: tuple[Network, ...]
    partners: tuple[Network, ...] = ()


def table_name(device: str, index: int, what: str) -> str:
    """The index is the device's alone, also when its name comes again."""
    return f"{device}-{index}-{what}"


def lease_rules(index: int, addresses: Iterable[Address]) -> list[NftRule]:
    """A client's: packets to its inner addresses come out of the TUN device of that index, or from this host."""
    own = [ip_network(address) for address in addresses]
    return [[_outside(index), _is(each.version, "daddr", [each]), *DROP] for each in own]


def pool_rules(index: int, pool: Pool) -> list[NftRule]:
    """A gateway's. Nobody outside the tunnel has an address of the pool; and who sends to the pool comes in where the
    way back to him leads, so that nobody outside is taken for a host of the inside network."""
    rules: list[NftRule] = []
    for version in (4, 6):
        inside, partners = _merged(pool.networks, version), _merged(pool.partners, version)
        if not inside:
            continue
        rules.append([_outside(index), _is(version, "saddr", inside), *DROP])
        rules.append([_outside(index), _is(version, "daddr", inside), NO_WAY_BACK, *DROP])
        if partners and partners[0].prefixlen:
            rules.append([_outside(index), _is(version, "daddr", inside), _is(version, "saddr", partners, "!="), *DROP])
    return rules


def arp_rules(index: int, address: IPv4Address) -> list[NftRule]:
    """A client's: the kernel would tell anybody on any link that this host has the address, and would be taken there
    for a neighbour who has it, too. IPv6 asks for the addresses of a link only."""
    asked = {"payload": {"protocol": "arp", "field": "daddr ip"}}
    return [[_outside(index), {"match": {"op": "==", "left": asked, "right": str(address)}}, *DROP]]


def replacing(family: str, name: str, rules: Sequence[NftRule] | None = None) -> str:
    """What nft is told: the table with these rules, whether there was one of that name or not, in one transaction.
    None: without a chain."""
    table = {"family": family, "name": name}
    if rules is None:
        return json.dumps(
            {"nftables": [{"add": {"table": table}}, {"delete": {"table": table}}, {"add": {"table": table}}]}
        )
    chain = {"family": family, "table": name, "name": CHAIN, "type": "filter", "policy": "accept"}
    rows = [{"rule": {"family": family, "table": name, "chain": CHAIN, "expr": rule}} for rule in rules]
    commands: list[dict[str, Any]] = [{"add": {"table": table}}, {"delete": {"table": table}}]
    commands += [{"add": each} for each in ({"table": table}, {"chain": chain | HOOKS[family]}, *rows)]
    return json.dumps({"nftables": commands})


def removing(family: str, name: str) -> str:
    return json.dumps({"nftables": [{"delete": {"table": {"family": family, "name": name}}}]})


def names(family: str, listed: str) -> set[str]:
    """The tables of a family that `nft -j list tables` tells. Raises `OSError` where it told something else."""
    try:
        tables = [entry["table"] for entry in json.loads(listed)["nftables"] if "table" in entry]
        return {table["name"] for table in tables if table["family"] == family}
    except (ValueError, TypeError, LookupError) as error:
        raise OSError(errno.EBADMSG, f"nft did not list its tables: {clean(listed, longest=200)}") from error


DROP: NftRule = [{"counter": None}, {"drop": None}]
NO_WAY_BACK: Expression = {
    "match": {"op": "==", "left": {"fib": {"result": "oif", "flags": ["saddr", "iif"]}}, "right": False}
}


def _merged(networks: Iterable[Network], version: int) -> list[IPv4Network] | list[IPv6Network]:
    """Those of an IP version, none within another: nftables refuses sets that overlap."""
    if version == 4:
        return list(collapse_addresses(each for each in networks if isinstance(each, IPv4Network)))
    return list(collapse_addresses(each for each in networks if isinstance(each, IPv6Network)))


def _outside(index: int) -> Expression:
    return {"match": {"op": "!=", "left": {"meta": {"key": "iif"}}, "right": {"set": [LOOPBACK, index]}}}


def _is(version: int, field: str, networks: Iterable[Network], operator: str = "==") -> Expression:
    left = {"payload": {"protocol": "ip" if version == 4 else "ip6", "field": field}}
    elements = [{"prefix": {"addr": str(each.network_address), "len": each.prefixlen}} for each in networks]
    return {"match": {"op": operator, "left": left, "right": {"set": elements}}}
