"""The configuration payload (RFC 7296 §3.15, RFC 8598): what a client asks for, what a gateway gives, what it means.

A domain of the inside network travels as INTERNAL_DNS_DOMAIN; there is nothing for a banner or a saved password.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Interface, IPv6Network

from lotor.model.configuration import ModeConfiguration
from lotor.model.network import Network
from lotor.wire import inside
from lotor.wire.errors import Malformed
from lotor.wire.inside import MOST_DOMAINS, MOST_NETWORKS, MOST_SERVERS
from lotor.wire.v2.numbers import ConfigAttribute as A
from lotor.wire.v2.numbers import ConfigType
from lotor.wire.v2.payloads import Configuration, ConfigurationAttribute

# --- what is asked for -----------------------------------------------------------------------------------------------


def request(*, ipv6: bool) -> Configuration:
    """A client's request for all that `read` understands."""
    kinds = [kind for kind in _WRITERS if ipv6 or kind not in _IPV6]
    return Configuration(ConfigType.REQUEST, tuple(ConfigurationAttribute(kind) for kind in kinds))


def asks_for_address(asked: Configuration | None) -> bool:
    """Whether a payload is a request for an address of either IP version."""
    return asked is not None and asked.type == ConfigType.REQUEST and bool(_ADDRESSES & _kinds(asked))


def asks_for_ipv6(asked: Configuration) -> bool:
    return A.INTERNAL_IP6_ADDRESS in _kinds(asked)


def routes_by_itself(asked: Configuration) -> bool:
    """Whether the client is Windows, which makes no routes of narrowed traffic selectors: nobody else asks for the
    gateway's inner address."""
    return A.INTERNAL_IP4_SERVER in _kinds(asked)


def _kinds(payload: Configuration) -> set[int]:
    return {each.type for each in payload.attributes}


# --- what is given ---------------------------------------------------------------------------------------------------


def granted(given: ModeConfiguration, asked: Configuration) -> ModeConfiguration:
    """What a client gets of its configuration: IPv6 only where it asked for that."""
    return given if asks_for_ipv6(asked) else given.without_ipv6()


def reply(given: ModeConfiguration, asked: Configuration) -> Configuration:
    """The answer to a request: what was asked for, each kind once, in that order."""
    kinds = dict.fromkeys(each.type for each in asked.attributes)
    told = [ConfigurationAttribute(kind, data) for kind in kinds if kind in _WRITERS for data in _WRITERS[kind](given)]
    return Configuration(ConfigType.REPLY, tuple(told))


def _domains(given: ModeConfiguration) -> list[bytes]:
    """The domain of the client first. Names of split DNS only where not everything goes through the tunnel, and none
    without a server that knows them (RFC 8598 §4.1)."""
    if not given.dns and not given.dns6:
        return []
    split = given.split_dns if not given.is_full else ()
    return [name for name in dict.fromkeys((given.domain, *split)) if name]


def _subnets(given: ModeConfiguration) -> list[bytes]:
    return [each.network_address.packed + each.netmask.packed for each in given.split_include]


_WRITERS: Mapping[int, Callable[[ModeConfiguration], Sequence[bytes]]] = {
    A.INTERNAL_IP4_ADDRESS: lambda given: [given.address.packed],
    A.INTERNAL_IP4_NETMASK: lambda given: [given.netmask.packed] if given.netmask else [],
    A.INTERNAL_IP4_DNS: lambda given: [server.packed for server in given.dns],
    A.INTERNAL_IP4_NBNS: lambda given: [server.packed for server in given.wins],
    A.INTERNAL_IP4_SUBNET: _subnets,
    A.INTERNAL_IP6_ADDRESS: lambda given: [inside.packed6(given.address6)] if given.address6 else [],
    A.INTERNAL_IP6_DNS: lambda given: [server.packed for server in given.dns6],
    A.INTERNAL_IP6_SUBNET: lambda given: [inside.packed6(each) for each in given.split_include6],
    A.INTERNAL_DNS_DOMAIN: _domains,
    A.APPLICATION_VERSION: lambda given: [given.application_version] if given.application_version else [],
}
_IPV6 = frozenset({A.INTERNAL_IP6_ADDRESS, A.INTERNAL_IP6_DNS, A.INTERNAL_IP6_SUBNET})
_ADDRESSES = frozenset({A.INTERNAL_IP4_ADDRESS, A.INTERNAL_IP6_ADDRESS})

# --- what it means ---------------------------------------------------------------------------------------------------


def read(payload: Configuration) -> ModeConfiguration:
    """What a gateway gave. Unknown and empty attributes are ignored, and more than 16 servers of a kind are cut.
    `Malformed`: no answer, no IPv4 address, a wrong size, an address that no host can have, a netmask with holes."""
    if payload.type != ConfigType.REPLY:
        raise Malformed(f"a configuration of type {payload.type} instead of a reply")
    told = {kind: [data for data in payload.all(kind) if any(data)] for kind in _WRITERS}
    domains = _names(told[A.INTERNAL_DNS_DOMAIN])
    networks = tuple(_network(data) for data in _bounded(told, A.INTERNAL_IP4_SUBNET))
    networks6 = tuple(_network6(data) for data in _bounded(told, A.INTERNAL_IP6_SUBNET))
    return ModeConfiguration(
        address=_address(told[A.INTERNAL_IP4_ADDRESS]),
        netmask=next((_mask(data) for data in told[A.INTERNAL_IP4_NETMASK]), None),
        dns=_servers(A.INTERNAL_IP4_DNS, told),
        wins=_servers(A.INTERNAL_IP4_NBNS, told),
        domain=domains[0] if domains else b"",
        split_dns=domains if networks else (),
        split_include=networks,
        application_version=b"".join(told[A.APPLICATION_VERSION][:1]),
        address6=next((_inside6(data) for data in told[A.INTERNAL_IP6_ADDRESS]), None),
        dns6=_servers6(told[A.INTERNAL_IP6_DNS]),
        split_include6=networks6,
    )


def _address(told: Sequence[bytes]) -> IPv4Address:
    if not told:
        raise Malformed("the gateway gave no inner address")
    return inside.host(A.INTERNAL_IP4_ADDRESS.name, told[0])


def _mask(data: bytes) -> IPv4Address:
    return inside.netmask(A.INTERNAL_IP4_NETMASK.name, data)


def _servers(kind: A, told: Mapping[int, Sequence[bytes]]) -> tuple[IPv4Address, ...]:
    return tuple(inside.host(kind.name, data) for data in told[kind][:MOST_SERVERS])


def _servers6(told: Sequence[bytes]) -> tuple[IPv6Address, ...]:
    return tuple(inside.host6(A.INTERNAL_IP6_DNS.name, data) for data in told[:MOST_SERVERS])


def _inside6(data: bytes) -> IPv6Interface:
    return inside.interface6(A.INTERNAL_IP6_ADDRESS.name, data)


def _bounded(told: Mapping[int, Sequence[bytes]], kind: A) -> Sequence[bytes]:
    if len(told[kind]) > MOST_NETWORKS:
        raise Malformed(f"{kind.name} comes more than {MOST_NETWORKS} times")
    return told[kind]


def _network(data: bytes) -> IPv4Network:
    name = A.INTERNAL_IP4_SUBNET.name
    if len(data) != 8:
        raise Malformed(f"{name} has {len(data)} octets, not 8")
    return IPv4Network((data[:4], str(inside.netmask(name, data[4:]))), strict=False)


def _network6(data: bytes) -> IPv6Network:
    return inside.network6(A.INTERNAL_IP6_SUBNET.name, data)


def _names(told: Sequence[bytes]) -> tuple[bytes, ...]:
    """A NUL at the end is removed, and a dot."""
    names = (data.rstrip(b"\0").rstrip(b".") for data in told)
    return tuple(name for name in names if name)[:MOST_DOMAINS]


def routed(given: ModeConfiguration, networks: Iterable[Network]) -> ModeConfiguration:
    """At a client: `networks` are those of the gateway's traffic selectors. Where it names none as attributes, as
    strongSwan and most others, they alone go through the tunnel, since nothing else passes the SA pair."""
    parts = tuple(networks)
    here = tuple(each for each in parts if isinstance(each, IPv4Network))
    here6 = tuple(each for each in parts if isinstance(each, IPv6Network) and given.address6 is not None)
    return replace(
        given,
        split_include=given.split_include or (here if _narrow(here) else ()),
        split_include6=given.split_include6 or (here6 if _narrow(here6) else ()),
    )


def _narrow(networks: Iterable[Network]) -> bool:
    return all(each.prefixlen for each in networks)
