"""What a client is told that asks by DHCPINFORM, as options of DHCP (RFC 2132, RFC 3442): Windows learns of the routes
of a split tunnel so. The packet engine puts them into an answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network
from itertools import accumulate

from lotor.model.configuration import ModeConfiguration

SUBNET_MASK, DNS_SERVERS, DOMAIN_NAME, CLASSLESS_ROUTES, MICROSOFT_ROUTES = 1, 6, 15, 121, 249
LONGEST_OPTION = 255
ON_LINK = IPv4Address(0).packed
"""The router of a network that is reached by the interface itself (RFC 3442)."""
NOBODY = IPv4Address("192.0.0.8")
"""Who answers where the gateway has no IPv4 address outside: the dummy address of RFC 7600."""


def told(given: ModeConfiguration) -> tuple[tuple[int, bytes], ...]:
    """Number and octets of each option, the most important first. Microsoft's number for routes comes before the one of
    RFC 3442, which says the same."""
    routes = routed(given.split_include)
    mask = given.netmask.packed if given.netmask is not None else b""
    servers = b"".join(server.packed for server in given.dns)
    options = (
        (MICROSOFT_ROUTES, routes),
        (SUBNET_MASK, mask),
        (DNS_SERVERS, servers[: LONGEST_OPTION // 4 * 4]),
        (DOMAIN_NAME, given.domain[:LONGEST_OPTION]),
        (CLASSLESS_ROUTES, routes),
    )
    return tuple((number, octets) for number, octets in options if octets)


def routed(networks: Iterable[IPv4Network]) -> bytes:
    """The networks as routes. As many as one option holds: whether a client joins options that were cut (RFC 3396),
    nobody can know."""
    return b"".join(_routes(networks))


def left_out(networks: Sequence[IPv4Network]) -> int:
    """How many of the networks, the last ones, an option has no room for."""
    return len(networks) - len(_routes(networks))


def _routes(networks: Iterable[IPv4Network]) -> list[bytes]:
    routes = [_route(network) for network in networks]
    ends = accumulate(map(len, routes))
    return [route for route, end in zip(routes, ends, strict=True) if end <= LONGEST_OPTION]


def _route(network: IPv4Network) -> bytes:
    """Its length, the octets of it that count, and the router."""
    length = network.prefixlen
    return bytes((length,)) + network.network_address.packed[: (length + 7) // 8] + ON_LINK
