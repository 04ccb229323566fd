"""What a client is told of the inside network, as attributes of mode config and Cisco Unity and back.

draft-dukes-ike-mode-cfg-02; the attributes of IPv6 in the form of RFC 7296 §3.15.1, which strongSwan uses in IKEv1 as
well; the Unity attributes are as Cisco's clients, racoon and vpnc read them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Interface, IPv6Network

from lotor.model.configuration import LONGEST_BANNER, ModeConfiguration
from lotor.model.frozen import frozen
from lotor.wire import inside
from lotor.wire.errors import Malformed
from lotor.wire.inside import MOST_DOMAINS, MOST_NETWORKS, MOST_SERVERS
from lotor.wire.v1.attributes import Attribute
from lotor.wire.v1.numbers import ConfigAttribute, name_of

_SPLIT_PADDING = bytes(6)
_UNITY_FIRST = ConfigAttribute.UNITY_BANNER
_ECHOED = frozenset({ConfigAttribute.UNITY_DDNS_HOSTNAME})


def encode_configuration(
    configuration: ModeConfiguration, requested: Sequence[int] | None, *, unity: bool
) -> tuple[Attribute, ...]:
    """The attributes that answer a request: only those asked for, each once, in that order, without empty ones.
    `requested` None pushes everything except IPv6, which a client has to ask for. Attributes of Cisco Unity only when
    `unity`."""
    asked = _PUSHED if requested is None else tuple(dict.fromkeys(requested))
    known = [number for number in asked if number in _WRITERS and (unity or number < _UNITY_FIRST)]
    return tuple(
        value if isinstance(value, Attribute) else Attribute.tlv(number, value)
        for number in known
        for value in _WRITERS[number](configuration)
        if isinstance(value, Attribute) or value
    )


def answer_request(
    configuration: ModeConfiguration, request: Iterable[Attribute], *, unity: bool
) -> tuple[Attribute, ...]:
    """The answer to a client's request (see `encode_configuration`). Its host name goes back as it came."""
    answers: list[Attribute] = []
    for number, asked in _firsts(request).items():
        if number not in _ECHOED:
            answers += encode_configuration(configuration, [number], unity=unity)
        elif unity and asked.data:
            answers.append(asked)
    return tuple(answers)


def _firsts(attributes: Iterable[Attribute]) -> dict[int, Attribute]:
    found: dict[int, Attribute] = {}
    for attribute in attributes:
        found.setdefault(attribute.type, attribute)
    return found


def decode_configuration(attributes: Iterable[Attribute]) -> ModeConfiguration:
    """The configuration that a gateway sent. Unknown and empty attributes are ignored, and more than 16 servers of a
    kind are cut. `Malformed`: no address, a wrong size, an address that no host can have, a netmask with holes."""
    told = _Told(tuple(attribute for attribute in attributes if attribute.data))
    domain, banner = told.first(ConfigAttribute.UNITY_DEF_DOMAIN), told.first(ConfigAttribute.UNITY_BANNER)
    return ModeConfiguration(
        address=told.address(),
        netmask=told.netmask(),
        dns=told.servers(ConfigAttribute.INTERNAL_IP4_DNS),
        wins=told.servers(ConfigAttribute.INTERNAL_IP4_NBNS),
        domain=domain.rstrip(b"\0"),
        banner=banner,
        split_include=told.networks(ConfigAttribute.UNITY_SPLIT_INCLUDE),
        split_local=told.networks(ConfigAttribute.UNITY_LOCAL_LAN),
        split_dns=told.domains(),
        pfs_group=told.number(ConfigAttribute.UNITY_PFS) or None,
        save_password=bool(told.number(ConfigAttribute.UNITY_SAVE_PASSWD)),
        application_version=told.first(ConfigAttribute.APPLICATION_VERSION),
        address6=told.address6(),
        dns6=told.servers6(),
        split_include6=told.networks6(),
    )


def request_attributes(*, unity: bool, ipv6: bool = True) -> tuple[Attribute, ...]:
    """The attributes that our client asks a gateway for: all that `decode_configuration` reads, empty."""
    numbers = [number for number in _PUSHED if unity or number < _UNITY_FIRST]
    return tuple(Attribute.tlv(number, b"") for number in (*numbers, *(_IPV6 if ipv6 else ())))


def asks_for_ipv6(requested: Iterable[int]) -> bool:
    return ConfigAttribute.INTERNAL_IP6_ADDRESS in requested


# -- writing ----------------------------------------------------------------------------------------------------------


def _write_subnet(configuration: ModeConfiguration) -> list[bytes]:
    return [_mask_pair(network) for network in configuration.split_include[:1]]


def _write_networks(networks: Sequence[IPv4Network]) -> list[bytes]:
    return [b"".join(_mask_pair(network) + _SPLIT_PADDING for network in networks)]


def _mask_pair(network: IPv4Network) -> bytes:
    return network.network_address.packed + network.netmask.packed


def _write_save_password(configuration: ModeConfiguration) -> list[Attribute]:
    return [Attribute.tv(ConfigAttribute.UNITY_SAVE_PASSWD, 1)] if configuration.save_password else []


def _write_pfs(configuration: ModeConfiguration) -> list[Attribute]:
    group = configuration.pfs_group
    return [Attribute.tv(ConfigAttribute.UNITY_PFS, group)] if group else []


_WRITERS: Mapping[int, Callable[[ModeConfiguration], Sequence[bytes | Attribute]]] = {
    ConfigAttribute.INTERNAL_IP4_ADDRESS: lambda told: [told.address.packed],
    ConfigAttribute.INTERNAL_IP4_NETMASK: lambda told: [told.netmask.packed] if told.netmask else [],
    ConfigAttribute.INTERNAL_IP4_DNS: lambda told: [server.packed for server in told.dns],
    ConfigAttribute.INTERNAL_IP4_NBNS: lambda told: [server.packed for server in told.wins],
    ConfigAttribute.APPLICATION_VERSION: lambda told: [told.application_version],
    ConfigAttribute.INTERNAL_IP4_SUBNET: _write_subnet,
    ConfigAttribute.UNITY_BANNER: lambda told: [told.banner[:LONGEST_BANNER]],
    ConfigAttribute.UNITY_SAVE_PASSWD: _write_save_password,
    ConfigAttribute.UNITY_DEF_DOMAIN: lambda told: [told.domain],
    ConfigAttribute.UNITY_SPLITDNS_NAME: lambda told: [b",".join(told.split_dns)],
    ConfigAttribute.UNITY_SPLIT_INCLUDE: lambda told: _write_networks(told.split_include),
    ConfigAttribute.UNITY_LOCAL_LAN: lambda told: _write_networks(told.split_local),
    ConfigAttribute.UNITY_PFS: _write_pfs,
    ConfigAttribute.INTERNAL_IP6_ADDRESS: lambda told: [inside.packed6(told.address6)] if told.address6 else [],
    ConfigAttribute.INTERNAL_IP6_DNS: lambda told: [server.packed for server in told.dns6],
    ConfigAttribute.INTERNAL_IP6_SUBNET: lambda told: [inside.packed6(network) for network in told.split_include6],
}
_IPV6 = (
    ConfigAttribute.INTERNAL_IP6_ADDRESS,
    ConfigAttribute.INTERNAL_IP6_DNS,
    ConfigAttribute.INTERNAL_IP6_SUBNET,
)
_PUSHED = tuple(number for number in _WRITERS if number not in (*_IPV6, ConfigAttribute.INTERNAL_IP4_SUBNET))


# -- reading ----------------------------------------------------------------------------------------------------------


@frozen
class _Told:
    """The attributes of one answer, none of them empty."""

    attributes: tuple[Attribute, ...]

    def all(self, number: int) -> list[bytes]:
        return [attribute.data for attribute in self.attributes if attribute.type == number]

    def first(self, number: int) -> bytes:
        return next(iter(self.all(number)), b"")

    def number(self, number: int) -> int:
        return int.from_bytes(self.first(number)[:4], "big")

    def address(self) -> IPv4Address:
        packed = self.first(ConfigAttribute.INTERNAL_IP4_ADDRESS)
        if not packed:
            raise Malformed("the gateway gave no inner address")
        return inside.host(ConfigAttribute.INTERNAL_IP4_ADDRESS.name, packed)

    def netmask(self) -> IPv4Address | None:
        packed = self.first(ConfigAttribute.INTERNAL_IP4_NETMASK)
        if not any(packed):
            return None
        return inside.netmask(ConfigAttribute.INTERNAL_IP4_NETMASK.name, packed)

    def servers(self, number: int) -> tuple[IPv4Address, ...]:
        told = [packed for packed in self.all(number) if any(packed)]
        return tuple(inside.host(name_of(ConfigAttribute, number), packed) for packed in told[:MOST_SERVERS])

    def networks(self, number: int) -> tuple[IPv4Network, ...]:
        networks = [network for octets in self.all(number) for network in _networks(number, octets)]
        if len(networks) > MOST_NETWORKS:
            raise Malformed(f"{name_of(ConfigAttribute, number)} names more than {MOST_NETWORKS} networks")
        return tuple(networks)

    def address6(self) -> IPv6Interface | None:
        """Zeros stand for no address."""
        packed = self.first(ConfigAttribute.INTERNAL_IP6_ADDRESS)
        return inside.interface6(ConfigAttribute.INTERNAL_IP6_ADDRESS.name, packed) if any(packed) else None

    def servers6(self) -> tuple[IPv6Address, ...]:
        told = [packed for packed in self.all(ConfigAttribute.INTERNAL_IP6_DNS) if any(packed)]
        return tuple(inside.host6(ConfigAttribute.INTERNAL_IP6_DNS.name, packed) for packed in told[:MOST_SERVERS])

    def networks6(self) -> tuple[IPv6Network, ...]:
        number = ConfigAttribute.INTERNAL_IP6_SUBNET
        told = self.all(number)
        if len(told) > MOST_NETWORKS:
            raise Malformed(f"{name_of(ConfigAttribute, number)} comes more than {MOST_NETWORKS} times")
        return tuple([inside.network6(number.name, octets) for octets in told])

    def domains(self) -> tuple[bytes, ...]:
        """Separated by commas; racoon ends each with a NUL besides."""
        text = b",".join(self.all(ConfigAttribute.UNITY_SPLITDNS_NAME)).replace(b"\0", b",")
        names = (name.strip() for name in text.split(b","))
        return tuple(name for name in names if name)[:MOST_DOMAINS]


def _networks(number: int, octets: bytes) -> list[IPv4Network]:
    """Entries of 14 octets (address, mask, protocol, ports) or, from strongSwan's `attr`, of 8 (address, mask)."""
    for size in (14, 8):
        entries = [octets[start : start + size] for start in range(0, len(octets), size)]
        if len(octets) % size == 0 and all(inside.is_mask(IPv4Address(entry[4:8])) for entry in entries):
            return [IPv4Network((entry[:4], str(IPv4Address(entry[4:8]))), strict=False) for entry in entries]
    raise Malformed(f"{name_of(ConfigAttribute, number)} of {len(octets)} octets is no list of networks")
