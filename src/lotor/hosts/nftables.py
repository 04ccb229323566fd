"""How nft is told what to do, in one transaction, and asked which tables there are; the words of its JSON."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from typing import Any

from lotor.hosts.commands import Commands
from lotor.hosts.xfrm.entries import OWN_REQIDS
from lotor.model.network import Network
from lotor.model.text import clean

Expression = dict[str, Any]
"""A part of a rule: a condition, a statement or a verdict."""
NftRule = list[Expression]
Command = dict[str, Any]
IP = {4: "ip", 6: "ip6"}
"""The name of a version's header."""


OWN_SAS = {"range": [OWN_REQIDS.start, OWN_REQIDS.stop - 1]}
"""The reqids of the SAs by which packets of lotor's tunnels pass in the kernel."""


async def tell(commands: Commands, wanted: Iterable[Command]) -> None:
    """All of it, or nothing. Raises `OSError`."""
    await commands.run("nft", "-j", "-f", "-", given=script(wanted))


async def tables(commands: Commands) -> set[tuple[str, str]]:
    """Family and name of each table that there is. Raises `OSError`."""
    return tables_in(await commands.run("nft", "-j", "list", "tables"))


def tables_in(listed: str) -> set[tuple[str, str]]:
    """Of what `nft -j list tables` told. Raises `OSError` where it told something else."""
    try:
        found = [entry["table"] for entry in json.loads(listed)["nftables"] if "table" in entry]
        return {(table["family"], table["name"]) for table in found}
    except (ValueError, TypeError, LookupError) as error:
        raise OSError(errno.EBADMSG, f"nft did not list its tables: {clean(listed, longest=200)}") from error


def script(wanted: Iterable[Command]) -> str:
    return json.dumps({"nftables": list(wanted)})


def anew(family: str, name: str) -> list[Command]:
    """The table with nothing in it, whether there was one of that name or not."""
    table = {"table": {"family": family, "name": name}}
    return [{"add": table}, {"delete": table}, {"add": table}]


def removing(family: str, name: str) -> list[Command]:
    return [{"delete": {"table": {"family": family, "name": name}}}]


def match(left: Any, right: Any, operator: str = "==") -> Expression:
    return {"match": {"op": operator, "left": left, "right": right}}


def payload(protocol: str, field: str) -> Expression:
    """A field of a header."""
    return {"payload": {"protocol": protocol, "field": field}}


def among(version: int, field: str, networks: Iterable[Network], operator: str = "==") -> Expression:
    """An address of a packet (`saddr`, `daddr`) is in one of the networks, or with `!=` in none."""
    return match(payload(IP[version], field), {"set": [prefix(each) for each in networks]}, operator)


def by_own_sa(direction: str) -> Expression:
    """The packet came out of an SA of lotor's (`in`), or goes into one (`out`): where policies lead packets, no device
    tells that. No packet without an SA matches."""
    return match({"ipsec": {"key": "reqid", "dir": direction, "spnum": 0}}, OWN_SAS)


def clamped(condition: Expression) -> NftRule:
    """A TCP handshake learns how much fits both ways, of the routes to its destination and back to its source."""
    flags: Expression = {"&": [payload("tcp", "flags"), ["syn", "rst"]]}
    largest = {"key": {"tcp option": {"name": "maxseg", "field": "size"}}, "value": {"rt": {"key": "mtu"}}}
    return [condition, match(flags, "syn"), {"mangle": largest}]


def prefix(network: Network) -> Expression:
    return {"prefix": {"addr": str(network.network_address), "len": network.prefixlen}}


def merged(networks: Iterable[Network], version: int) -> list[Network]:
    """Those of an IP version, none within another: nftables refuses sets that overlap."""
    if version == 4:
        return [*collapse_addresses(each for each in networks if isinstance(each, IPv4Network))]
    return [*collapse_addresses(each for each in networks if isinstance(each, IPv6Network))]
