"""What a server gives with its yes: attributes of an Access-Accept as grants. Values that make no sense are left out,
and noted for the log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import Any

from lotor.model.frozen import frozen
from lotor.model.grants import (
    LONGEST_MESSAGE,
    LONGEST_NAME,
    MOST_CLASSES,
    MOST_DOMAINS,
    MOST_GROUPS,
    MOST_ROUTES,
    MOST_SERVERS,
    Grants,
)
from lotor.model.text import clean, domain_name
from lotor.radius.numbers import CISCO_AVPAIR, Attribute, CiscoVpn3000, Microsoft, Vendor, Wispr
from lotor.radius.packets import Reply

FROM_POOL = frozenset({IPv4Address("255.255.255.254"), IPv4Address("255.255.255.255")})
"""The gateway, or the user, chooses (RFC 2865 §5.8)."""
OWN = frozenset({"ipsec", "ip", "ipv6"})
"""The protocols whose AV pairs are for a gateway like this."""


@frozen
class Granted:
    """`notes`: what was left out, and why; each a clause for the log."""

    grants: Grants
    notes: tuple[str, ...]


def granted(reply: Reply) -> Granted:
    found = _Found()
    for number, value in reply.attributes:
        if number in _ATTRIBUTES:
            found.read(_ATTRIBUTES[number], Attribute(number).name, value)
    for vendor, readers in _VENDORS.items():
        for number, value in reply.of_vendor(vendor):
            if number in readers:
                found.read(readers[number], f"{vendor.name} {number}", value)
    found.settle6()
    return Granted(Grants(**found.values), tuple(found.notes))


def message(reply: Reply) -> str:
    """What the server says to the person; several attributes are lines (RFC 2865 §5.18)."""
    lines = [value.decode("utf-8", "replace") for value in reply.all(Attribute.REPLY_MESSAGE)]
    return clean("\n".join(lines), lines=True, longest=LONGEST_MESSAGE)


class _UnusableError(ValueError):
    """The text says what is wrong with a value."""


@dataclass(slots=True)
class _Found:
    """`values` are fields of `Grants`. `address6`, `prefix6` and `interface6` make one of them together."""

    values: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    address6: IPv6Address | None = None
    prefix6: IPv6Network | None = None
    interface6: int | None = None

    def read(self, reader: Reader, name: str, value: bytes) -> None:
        try:
            reader(self, value)
        except ValueError as fault:
            told = str(fault) if isinstance(fault, _UnusableError) else "it cannot be read"
            self.notes.append(f"{name.replace('_', '-')} is left out: {told}")

    def one(self, key: str, value: Any) -> None:
        """Where there may be one: the first counts."""
        if key in self.values:
            raise _UnusableError("there is one already")
        self.values[key] = value

    def more(self, key: str, most: int, value: Any) -> None:
        former = self.values.get(key, ())
        if value in former:
            return
        if len(former) >= most:
            raise _UnusableError(f"there are more than {most}")
        self.values[key] = (*former, value)

    def group(self, name: str) -> None:
        former = self.values.get("groups", frozenset())
        if len(former) >= MOST_GROUPS:
            raise _UnusableError(f"there are more than {MOST_GROUPS} groups")
        self.values["groups"] = former | {name}

    def settle6(self) -> None:
        """The address, or the prefix with the interface identifier, or a prefix that is one address."""
        prefix, address = self.prefix6, self.address6
        try:
            if address is None and prefix is not None:
                address = self._in_prefix(prefix)
        except _UnusableError as fault:
            self.notes.append(f"FRAMED-IPV6-PREFIX is left out: {fault}")
        if address is not None:
            length = prefix.prefixlen if prefix is not None and address in prefix else 128
            self.values["address6"] = IPv6Interface((address, length))

    def _in_prefix(self, prefix: IPv6Network) -> IPv6Address:
        if prefix.prefixlen == 128:
            return _host6(prefix.network_address)
        if self.interface6 is None or prefix.prefixlen != 64:
            raise _UnusableError("without FRAMED-IPV6-ADDRESS it names no address")
        return _host6(prefix[self.interface6])


Reader = Callable[[_Found, bytes], None]


def _number(value: bytes) -> int:
    if len(value) != 4:
        raise _UnusableError(f"a number has 4 octets, this {len(value)}")
    return int.from_bytes(value)


def _address4(value: bytes) -> IPv4Address:
    return _host4(IPv4Address(_number(value)))


def _host4(address: IPv4Address) -> IPv4Address:
    if address.is_unspecified or address.is_multicast or address.is_loopback or address.is_reserved:
        raise _UnusableError(f"no host has the address {address}")
    return address


def _address6(value: bytes) -> IPv6Address:
    if len(value) != 16:
        raise _UnusableError(f"an IPv6 address has 16 octets, this {len(value)}")
    return _host6(IPv6Address(value))


def _host6(address: IPv6Address) -> IPv6Address:
    if address.is_unspecified or address.is_multicast or address.is_loopback or address.is_link_local:
        raise _UnusableError(f"no host of a tunnel has the address {address}")
    return address


def _text(value: bytes, longest: int, what: str) -> str:
    told = clean(value, longest=longest)
    if not told or told.encode() != value:
        raise _UnusableError(f"{what} is printable text of at most {longest} characters")
    return told


def _name(value: bytes) -> str:
    return _text(value, LONGEST_NAME, "a name")


def _domain(value: bytes) -> str:
    if (name := domain_name(value)) is None:
        raise _UnusableError("it is no domain name")
    return name


def _framed_address(found: _Found, value: bytes) -> None:
    if len(value) == 4 and IPv4Address(value) in FROM_POOL:
        return
    found.one("address", _address4(value))


def _netmask(found: _Found, value: bytes) -> None:
    inverse = ~_number(value) & 0xFFFFFFFF
    if inverse & (inverse + 1):
        raise _UnusableError(f"{IPv4Address(value)} is no network mask")
    found.one("netmask", IPv4Address(value))


def _prefix(value: bytes) -> IPv6Network:
    """RFC 3162 §2.3: reserved, length, as many octets as the length needs."""
    if not 2 <= len(value) <= 18 or value[1] > 128:
        raise _UnusableError("it is no prefix")
    return IPv6Network((value[2:].ljust(16, b"\0"), value[1]), strict=False)


def _framed_prefix(found: _Found, value: bytes) -> None:
    found.prefix6 = found.prefix6 or _prefix(value)


def _framed_address6(found: _Found, value: bytes) -> None:
    found.address6 = found.address6 or _address6(value)


def _interface(found: _Found, value: bytes) -> None:
    if len(value) != 8:
        raise _UnusableError("an interface identifier has 8 octets")
    found.interface6 = int.from_bytes(value)


def _delegated(found: _Found, value: bytes) -> None:
    del found
    raise _UnusableError(f"{_prefix(value)} would be a network behind the client, which only a client itself brings")


CLASSES = ((128, 8), (192, 16), (224, 24))


def _route4(found: _Found, value: bytes) -> None:
    """The network is the first word; a gateway and metrics may follow. Without a length it is that of the class (RFC
    2865 §5.22)."""
    word = clean(value).split(" ")[0]
    address = IPv4Address(word.partition("/")[0])
    length = next((bits for below, bits in CLASSES if address.packed[0] < below), 32)
    if "/" in word:
        length = int(word.partition("/")[2])
    found.more("routes", MOST_ROUTES, IPv4Network((int(address), length), strict=False))


def _route6(found: _Found, value: bytes) -> None:
    found.more("routes6", MOST_ROUTES, IPv6Network(clean(value).split(" ")[0], strict=False))


def _seconds(key: str) -> Reader:
    """0 stands for no limit, as gateways take it."""

    def read(found: _Found, value: bytes) -> None:
        if (seconds := _number(value)) > 0:
            found.one(key, float(seconds))

    return read


def _limit(found: _Found, value: bytes) -> None:
    if (limit := _number(value)) == 0:
        raise _UnusableError("a limit of no session at all is a refusal")
    found.one("sessions", limit)


def _class(found: _Found, value: bytes) -> None:
    """Accounting gets it back as it came. `OU=name;` is also how servers tell gateways the group of a user."""
    if not value:
        raise _UnusableError("it is empty")
    found.more("accounting_classes", MOST_CLASSES, value)
    if value[:3].upper() == b"OU=":
        found.group(_name(value[3:].rstrip(b";")))


def _servers(key: str) -> Reader:
    return lambda found, value: found.more(key, MOST_SERVERS, _address4(value))


def _dns6(found: _Found, value: bytes) -> None:
    found.more("dns6", MOST_SERVERS, _address6(value))


def _named(key: str) -> Reader:
    return lambda found, value: found.one(key, _name(value))


def _banner(found: _Found, value: bytes) -> None:
    told = clean(value, lines=True, longest=LONGEST_MESSAGE)
    found.values["banner"] = clean(found.values.get("banner", "") + told, lines=True, longest=LONGEST_MESSAGE)


def _default_domain(found: _Found, value: bytes) -> None:
    found.one("default_domain", _domain(value))


def _split_dns(found: _Found, value: bytes) -> None:
    for word in value.replace(b",", b" ").split():
        found.more("split_dns", MOST_DOMAINS, _domain(word))


def _rate(found: _Found, value: bytes) -> None:
    """One rate for both directions: the smaller one."""
    if (octets := _number(value) // 8) == 0:
        raise _UnusableError("a rate of nothing is no rate")
    found.values["rate"] = min(octets, found.values.get("rate", octets))


def _av_pair(found: _Found, value: bytes) -> None:
    """`protocol:attribute=value`, or `*` in place of `=` where the gateway may leave it out."""
    told = clean(value)
    protocol, colon, rest = told.partition(":")
    key, _, given = rest.replace("*", "=", 1).partition("=") if "=" not in rest else rest.partition("=")
    if not colon or protocol.lower() not in OWN or key.lower() not in _AV_PAIRS:
        return
    try:
        _AV_PAIRS[key.lower()](found, given.strip().encode())
    except ValueError as fault:
        told = str(fault) if isinstance(fault, _UnusableError) else "it cannot be read"
        raise _UnusableError(f"{protocol}:{key}: {told}") from None


def _spelled(key: str) -> Reader:
    """Addresses as text, one after the other."""

    def read(found: _Found, value: bytes) -> None:
        for word in value.decode().replace(",", " ").split():
            found.more(key, MOST_SERVERS, _host4(IPv4Address(word)))

    return read


def _spelled_number(reader: Reader) -> Reader:
    def read(found: _Found, value: bytes) -> None:
        if (spelled := int(value)) < 0:
            raise _UnusableError("it is below zero")
        reader(found, min(spelled, 0xFFFFFFFF).to_bytes(4))

    return read


def _spelled_netmask(found: _Found, value: bytes) -> None:
    _netmask(found, IPv4Address(value.decode()).packed)


def _route_set(found: _Found, value: bytes) -> None:
    """`prefix 10.0.0.0/8`; `interface` is for gateways that route."""
    word, _, network = value.partition(b" ")
    if word == b"prefix":
        (_route6 if b":" in network else _route4)(found, network)


_AV_PAIRS: dict[str, Reader] = {
    "addr-pool": _named("pool"),
    "dns-servers": _spelled("dns4"),
    "wins-servers": _spelled("wins4"),
    "default-domain": _default_domain,
    "split-dns": _split_dns,
    "banner": _banner,
    "netmask": _spelled_netmask,
    "timeout": _spelled_number(_seconds("session_time")),
    "idletime": _spelled_number(_seconds("idle_time")),
    "max-logins": _spelled_number(_limit),
    "user-vpn-group": lambda found, value: found.group(_name(value)),
    "route-set": _route_set,
    "inacl": _named("filter"),
}
_ATTRIBUTES: dict[int, Reader] = {
    Attribute.FRAMED_IP_ADDRESS: _framed_address,
    Attribute.FRAMED_IP_NETMASK: _netmask,
    Attribute.FILTER_ID: _named("filter"),
    Attribute.FRAMED_ROUTE: _route4,
    Attribute.CLASS: _class,
    Attribute.SESSION_TIMEOUT: _seconds("session_time"),
    Attribute.IDLE_TIMEOUT: _seconds("idle_time"),
    Attribute.ACCT_INTERIM_INTERVAL: _seconds("accounting_interval"),
    Attribute.PORT_LIMIT: _limit,
    Attribute.FRAMED_POOL: _named("pool"),
    Attribute.FRAMED_INTERFACE_ID: _interface,
    Attribute.FRAMED_IPV6_PREFIX: _framed_prefix,
    Attribute.FRAMED_IPV6_ROUTE: _route6,
    Attribute.DELEGATED_IPV6_PREFIX: _delegated,
    Attribute.FRAMED_IPV6_ADDRESS: _framed_address6,
    Attribute.DNS_SERVER_IPV6_ADDRESS: _dns6,
}
_VENDORS: dict[Vendor, dict[int, Reader]] = {
    Vendor.MICROSOFT: {
        Microsoft.PRIMARY_DNS_SERVER: _servers("dns4"),
        Microsoft.SECONDARY_DNS_SERVER: _servers("dns4"),
        Microsoft.PRIMARY_NBNS_SERVER: _servers("wins4"),
        Microsoft.SECONDARY_NBNS_SERVER: _servers("wins4"),
    },
    Vendor.CISCO: {CISCO_AVPAIR: _av_pair},
    Vendor.CISCO_VPN3000: {
        CiscoVpn3000.PRIMARY_DNS: _servers("dns4"),
        CiscoVpn3000.SECONDARY_DNS: _servers("dns4"),
        CiscoVpn3000.PRIMARY_WINS: _servers("wins4"),
        CiscoVpn3000.SECONDARY_WINS: _servers("wins4"),
        CiscoVpn3000.BANNER: _banner,
        CiscoVpn3000.DEFAULT_DOMAIN: _default_domain,
        CiscoVpn3000.SPLIT_DNS_NAMES: _split_dns,
    },
    Vendor.WISPR: {Wispr.BANDWIDTH_MAX_UP: _rate, Wispr.BANDWIDTH_MAX_DOWN: _rate},
}
