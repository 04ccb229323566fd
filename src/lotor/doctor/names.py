"""The names of a gateway: whether they lead to this host, as far as its own name server says."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network

from lotor.client.addresses import typed
from lotor.doctor.finding import Finding, ok, unknown, warn, wrong
from lotor.doctor.lookups import Lookup, lookups
from lotor.doctor.subject import Subject
from lotor.hosts.netlink import Netlink
from lotor.model.frozen import frozen
from lotor.model.identity import IdKind
from lotor.model.network import Address
from lotor.model.policy import Side

INNER = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")))
"""Addresses that nobody reaches from elsewhere (RFC 1918, 6598, 4193)."""
MOST = 8
"""Names that are looked up."""


@frozen
class Names:
    """`said`: those that a person named, who types them. `addresses` of this host."""

    found: tuple[Lookup, ...]
    addresses: frozenset[Address]
    said: frozenset[str] = frozenset()


async def look(subject: Subject) -> Names:
    own = [each.my_identifier for each in subject.of_side(Side.GATEWAY)]
    configured = [each.value for each in own if each.value and each.kind is IdKind.FQDN]
    shown = subject.inspection.chains.values() if subject.inspection else ()
    leaves = [leaf for chains in shown for leaf, *_ in chains]
    certified = [name for leaf in leaves for name in leaf.dns_names if not name.startswith("*.")]
    names = [each for each in dict.fromkeys([*subject.names, *configured, *certified]) if typed(each) is None]
    addresses = frozenset(address for _, address in await Netlink().addresses())
    return Names(await lookups(names[:MOST]), addresses, frozenset(subject.names))


def judge(names: Names) -> Iterator[Finding]:
    if not names.found:
        yield ok("the gateway has no name: clients type its address")
    for each in names.found:
        yield _one(each, names)


def _one(found: Lookup, names: Names) -> Finding:
    outside = [each for each in found.addresses if not each.is_loopback and not each.is_link_local]
    told = ", ".join(map(str, outside))
    if found.fault:
        text = f"{found.name} is not found: {found.fault}"
        return (wrong if found.name in names.said else warn)(text, _record(found.name, names.addresses))
    if not outside:
        text = f"{found.name} leads to this host in its own /etc/hosts: others may see something else"
        return unknown(text, f"getent hosts {found.name}   # typed at a client")
    if any(each in names.addresses for each in outside):
        return ok(f"{found.name} leads to {told}, which is this host")
    text = f"{found.name} leads to {told}, no address of this host: right where a router passes UDP 500 and 4500 on"
    return warn(text, _record(found.name, names.addresses))


def _record(name: str, addresses: frozenset[Address]) -> str:
    """A line of a zone file (RFC 1035 §5)."""
    usable = [each for each in addresses if not (each.is_loopback or each.is_link_local)]
    first = min(usable, key=lambda each: (each.version, _inner(each), int(each)), default=None)
    kind = "AAAA" if first is not None and first.version == 6 else "A"
    return f"{name}. {kind} {first or 'ADDRESS'}   # in its zone"


def _inner(address: Address) -> bool:
    return any(address.version == each.version and address in each for each in INNER)
