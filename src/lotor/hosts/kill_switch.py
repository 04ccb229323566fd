"""The nftables table that closes a host: what belongs into a tunnel leaves through a tunnel or not at all. A pure plan.

The table is there before the connection is, and needs no process: it outlives the daemon and the warden, and stays
until somebody opens the host again. It drops nothing that comes in, and nothing that belongs beside the tunnel.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from lotor.hosts import routing
from lotor.hosts.firewall import LOOPBACK, Expression, NftRule
from lotor.model.configuration import EVERYTHING6, ModeConfiguration
from lotor.model.network import Network

FAMILY = "inet"
PRIORITY = 200
"""Behind the chains that give packets another destination: what counts is where they go in the end."""
OUR_DEVICES = "lotor*"
NEIGHBOURS = [130, 131, 132, 133, 134, 135, 136, 143]
"""Types of ICMPv6 by which a host finds its neighbours, its routers and who listens (RFC 4861, RFC 2710, RFC 3810)."""
ALL_MULTICAST, EVERYBODY = "224.0.0.0/4", "255.255.255.255/32"
PORTAL = "portal"
"""The set of what a login page needs: empty, but for a minute."""
LOGIN_PAGE = (("udp", 53), ("tcp", 53), ("tcp", 80), ("tcp", 443))


def belonging(configuration: ModeConfiguration) -> list[str]:
    """The networks that belong into the tunnel; also all IPv6, where a tunnel for everything carries none."""
    networks: list[Network] = [*routing.tunnelled(configuration), *routing.tunnelled6(configuration)]
    if configuration.address6 is None and configuration.is_full:
        networks.append(EVERYTHING6)
    return [str(each) for each in networks]


def covers(networks: Iterable[str], others: Iterable[str]) -> bool:
    """Whether all of `others` lies in `networks`."""
    whole = [ip_network(each) for each in networks]
    return all(any(_lies_in(ip_network(each), one) for one in whole) for each in others)


def _lies_in(network: Network, other: Network) -> bool:
    if isinstance(network, IPv4Network):
        return isinstance(other, IPv4Network) and network.subnet_of(other)
    return isinstance(other, IPv6Network) and network.subnet_of(other)


def table(name: str, networks: Sequence[str], beside: Sequence[str], outer: int) -> str:
    """What nft is told: the table takes the place of one with that name, in one transaction. `outer`: the index of the
    device towards the gateway, 0 where it is not known."""
    own = {"family": FAMILY, "table": name}
    leaving = [*_of_this_host(), *_local(beside), _portal(), *_refused(networks)]
    forwarded = [*_bridged(networks, outer), *_local(beside)[: 1 if beside else 0], *_refused(networks)]
    commands: list[dict[str, Any]] = [
        {"add": {"table": {"family": FAMILY, "name": name}}},
        {"delete": {"table": {"family": FAMILY, "name": name}}},
        {"add": {"table": {"family": FAMILY, "name": name}}},
        {"add": {"set": own | {"name": PORTAL, "type": ["inet_proto", "inet_service"], "flags": ["timeout"]}}},
    ]
    for chain, hook, rules in (("leaving", "output", leaving), ("forwarded", "forward", forwarded)):
        shape = {"name": chain, "type": "filter", "hook": hook, "prio": PRIORITY, "policy": "accept"}
        commands.append({"add": {"chain": own | shape}})
        commands += [{"add": {"rule": own | {"chain": chain, "expr": rule}}} for rule in rules]
    return json.dumps({"nftables": commands})


def portal(name: str, seconds: int) -> str:
    """What nft is told so that a login page is reached for so many seconds: the kernel counts them."""
    elements = [{"elem": {"val": {"concat": list(each)}, "timeout": seconds}} for each in LOGIN_PAGE]
    entry = {"family": FAMILY, "table": name, "name": PORTAL}
    fresh: list[dict[str, Any]] = [{"flush": {"set": entry}}, {"add": {"element": entry | {"elem": elements}}}]
    return json.dumps({"nftables": fresh})


def _of_this_host() -> list[NftRule]:
    """What lotor sends, and what a link needs in order to be one."""
    return [
        [_match({"meta": {"key": "oif"}}, LOOPBACK), ACCEPT],
        [_match({"meta": {"key": "oifname"}}, OUR_DEVICES), ACCEPT],
        [_match({"meta": {"key": "mark"}}, routing.OUTER_MARK), ACCEPT],
        [_match(_payload("icmpv6", "type"), {"set": NEIGHBOURS}), ACCEPT],
        [_match(_payload("ip6", "daddr"), _prefix(routing.IPV6_LINK_LOCAL)), ACCEPT],
        [_match(_payload("ip", "protocol"), socket.IPPROTO_IGMP), ACCEPT],
        *[
            [_match(_payload("udp", "sport"), client), _match(_payload("udp", "dport"), server), ACCEPT]
            for client, server in ((68, 67), (546, 547))
        ],
    ]


def _local(beside: Sequence[str]) -> list[NftRule]:
    """The networks beside the tunnel; where there are some, also all who listen there."""
    if not beside:
        return []
    everybody = [_prefix(each) for each in (ALL_MULTICAST, EVERYBODY)]
    return [[_to(4, beside), ACCEPT], [_match(_payload("ip", "daddr"), {"set": everybody}), ACCEPT]]


def _bridged(networks: Sequence[str], outer: int) -> list[NftRule]:
    """Frames of one bridge pass here where the kernel has br_netfilter. They are nobody's packets on their way out,
    unless the device towards the gateway is a bridge itself."""
    out = [_match({"meta": {"key": "oif"}}, outer), _match({"meta": {"key": "iif"}}, outer, "!=")]
    bridges = [_match({"meta": {"key": key}}, "bridge") for key in ("iifkind", "oifkind")]
    through = [_match({"meta": {"key": "oifname"}}, OUR_DEVICES), ACCEPT]
    first = [[*out, *rule] for rule in _refused(networks)] if outer else []
    return [through, *first, [*bridges, ACCEPT]]


def _portal() -> NftRule:
    asked = {"concat": [{"meta": {"key": "l4proto"}}, _payload("th", "dport")]}
    return [_match(asked, f"@{PORTAL}"), ACCEPT]


def _refused(networks: Sequence[str]) -> list[NftRule]:
    """At once, so that programs do not wait."""
    rules: list[NftRule] = []
    for version in (4, 6):
        own = [each for each in networks if ip_network(each).version == version]
        if own:
            rules.append([_to(version, own), {"counter": None}, REFUSE])
    return rules


def _to(version: int, networks: Sequence[str]) -> Expression:
    if any(ip_network(each).prefixlen == 0 for each in networks):
        return _match({"meta": {"key": "nfproto"}}, "ipv4" if version == 4 else "ipv6")
    field = _payload("ip" if version == 4 else "ip6", "daddr")
    return _match(field, {"set": [_prefix(each) for each in networks]})


def _match(left: Expression, right: Any, operator: str = "==") -> Expression:
    return {"match": {"op": operator, "left": left, "right": right}}


def _payload(protocol: str, field: str) -> Expression:
    return {"payload": {"protocol": protocol, "field": field}}


def _prefix(network: str) -> Expression:
    one = ip_network(network)
    return {"prefix": {"addr": str(one.network_address), "len": one.prefixlen}}


ACCEPT: Expression = {"accept": None}
REFUSE: Expression = {"reject": {"type": "icmpx", "expr": "host-unreachable"}}
