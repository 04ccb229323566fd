"""The nftables table that closes a host: what belongs into a tunnel leaves through a tunnel or not at all. A pure plan.

The table is there before the connection is, and needs no process: it outlives the daemon and the warden, and stays
until somebody opens the host again. It drops nothing that comes in, and nothing that belongs beside the tunnel.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, ip_network

from lotor.hosts import routing
from lotor.hosts.firewall import LOOPBACK
from lotor.hosts.nftables import Command, Expression, NftRule, among, anew, by_own_sa, match, payload, prefix
from lotor.model.configuration import EVERYTHING6, ModeConfiguration
from lotor.model.network import Network, lies_in

FAMILY = "inet"
PRIORITY = 200
"""Behind the chains that give packets another destination: what counts is where they go in the end."""
OUR_DEVICES = "lotor*"
NEIGHBOURS = [130, 131, 132, 133, 134, 135, 136, 143]
"""Types of ICMPv6 by which a host finds its neighbours, its routers and who listens (RFC 4861, RFC 2710, RFC 3810)."""
ALL_MULTICAST, EVERYBODY = IPv4Network("224.0.0.0/4"), IPv4Network("255.255.255.255/32")
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
    return all(any(lies_in(ip_network(each), one) for one in whole) for each in others)


def table(
    name: str, networks: Sequence[str], beside: Sequence[str], outer: int, *, by_policies: bool = False
) -> list[Command]:
    """What nft is told: the table takes the place of one with that name, in one transaction. `outer`: the index of the
    device towards the gateway, 0 where it is not known. `by_policies`: the kernel's policies lead packets into tunnels,
    and the device of their ESP is the one that they leave by."""
    own = {"family": FAMILY, "table": name}
    led = [[by_own_sa("out"), ACCEPT]] if by_policies else []
    leaving = [*led, *_of_this_host(), *_local(beside), _portal(), *_refused(networks)]
    forwarded = [*led, *_bridged(networks, outer), *_local(beside)[:1], *_refused(networks)]
    commands = anew(FAMILY, name)
    commands.append(
        {"add": {"set": own | {"name": PORTAL, "type": ["inet_proto", "inet_service"], "flags": ["timeout"]}}}
    )
    for chain, hook, rules in (("leaving", "output", leaving), ("forwarded", "forward", forwarded)):
        shape = {"name": chain, "type": "filter", "hook": hook, "prio": PRIORITY, "policy": "accept"}
        commands.append({"add": {"chain": own | shape}})
        commands += [{"add": {"rule": own | {"chain": chain, "expr": rule}}} for rule in rules]
    return commands


def portal(name: str, seconds: int) -> list[Command]:
    """What nft is told so that a login page is reached for so many seconds: the kernel counts them."""
    elements = [{"elem": {"val": {"concat": list(each)}, "timeout": seconds}} for each in LOGIN_PAGE]
    entry = {"family": FAMILY, "table": name, "name": PORTAL}
    return [{"flush": {"set": entry}}, {"add": {"element": entry | {"elem": elements}}}]


def _of_this_host() -> list[NftRule]:
    """What lotor sends, and what a link needs in order to be one."""
    return [
        [match({"meta": {"key": "oif"}}, LOOPBACK), ACCEPT],
        [match({"meta": {"key": "oifname"}}, OUR_DEVICES), ACCEPT],
        [match({"meta": {"key": "mark"}}, routing.OUTER_MARK), ACCEPT],
        [match(payload("icmpv6", "type"), {"set": NEIGHBOURS}), ACCEPT],
        [match(payload("ip6", "daddr"), prefix(ip_network(routing.IPV6_LINK_LOCAL))), ACCEPT],
        [match(payload("ip", "protocol"), socket.IPPROTO_IGMP), ACCEPT],
        *[
            [match(payload("udp", "sport"), client), match(payload("udp", "dport"), server), ACCEPT]
            for client, server in ((68, 67), (546, 547))
        ],
    ]


def _local(beside: Sequence[str]) -> list[NftRule]:
    """The networks beside the tunnel; where there are some, also all who listen there."""
    if not beside:
        return []
    return [[_to(4, beside), ACCEPT], [among(4, "daddr", (ALL_MULTICAST, EVERYBODY)), ACCEPT]]


def _bridged(networks: Sequence[str], outer: int) -> list[NftRule]:
    """Frames of one bridge pass here where the kernel has br_netfilter. They are nobody's packets on their way out,
    unless the device towards the gateway is a bridge itself."""
    out = [match({"meta": {"key": "oif"}}, outer), match({"meta": {"key": "iif"}}, outer, "!=")]
    bridges = [match({"meta": {"key": key}}, "bridge") for key in ("iifkind", "oifkind")]
    through = [match({"meta": {"key": "oifname"}}, OUR_DEVICES), ACCEPT]
    first = [[*out, *rule] for rule in _refused(networks)] if outer else []
    return [through, *first, [*bridges, ACCEPT]]


def _portal() -> NftRule:
    asked = {"concat": [{"meta": {"key": "l4proto"}}, payload("th", "dport")]}
    return [match(asked, f"@{PORTAL}"), ACCEPT]


def _refused(networks: Sequence[str]) -> list[NftRule]:
    """At once, so that programs do not wait."""
    rules: list[NftRule] = []
    for version in (4, 6):
        own = [each for each in networks if ip_network(each).version == version]
        if own:
            rules.append([_to(version, own), {"counter": None}, REFUSE])
    return rules


def _to(version: int, networks: Sequence[str]) -> Expression:
    named = [ip_network(each) for each in networks]
    if any(each.prefixlen == 0 for each in named):
        return match({"meta": {"key": "nfproto"}}, "ipv4" if version == 4 else "ipv6")
    return among(version, "daddr", named)


ACCEPT: Expression = {"accept": None}
REFUSE: Expression = {"reject": {"type": "icmpx", "expr": "host-unreachable"}}
