"""Inner addresses as configurations carry them, in IKEv1 and IKEv2: their sizes, and which no host can have."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Interface, IPv6Network

from lotor.wire.errors import Malformed

MOST_SERVERS = 16
MOST_NETWORKS = 1024
MOST_DOMAINS = 256

_UNUSABLE = tuple(IPv4Network(text) for text in ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/4", "255.255.255.255/32"))
_UNUSABLE6 = tuple(IPv6Network(text) for text in ("::/127", "::ffff:0:0/96", "fe80::/10", "ff00::/8"))


def address(name: str, packed: bytes) -> IPv4Address:
    """`name` is that of the attribute, for `Malformed`."""
    if len(packed) != 4:
        raise Malformed(f"{name} has {len(packed)} octets, not 4")
    return IPv4Address(packed)


def host(name: str, packed: bytes) -> IPv4Address:
    found = address(name, packed)
    if any(found in network for network in _UNUSABLE):
        raise Malformed(f"{name} {found} is no address that a host can have")
    return found


def host6(name: str, packed: bytes) -> IPv6Address:
    """16 octets, or 17 of which the last is the length of the prefix."""
    if len(packed) not in {16, 17}:
        raise Malformed(f"{name} has {len(packed)} octets, not 16 or 17")
    found = IPv6Address(packed[:16])
    if any(found in network for network in _UNUSABLE6):
        raise Malformed(f"{name} {found} is no address that a host can have")
    return found


def interface6(name: str, packed: bytes) -> IPv6Interface:
    """Without the length of a prefix the address stands alone."""
    return IPv6Interface((host6(name, packed), _prefix(name, packed) if len(packed) == 17 else 128))


def network6(name: str, packed: bytes) -> IPv6Network:
    length = _prefix(name, packed)
    return IPv6Network((packed[:16], length), strict=False)


def _prefix(name: str, octets: bytes) -> int:
    """The length behind 16 octets of an address."""
    if len(octets) != 17 or octets[16] > 128:
        raise Malformed(f"{name} of {len(octets)} octets is no address with a prefix length")
    return octets[16]


def packed6(given: IPv6Interface | IPv6Network) -> bytes:
    """The address and the length of its prefix: 17 octets."""
    if isinstance(given, IPv6Network):
        return given.network_address.packed + bytes((given.prefixlen,))
    return given.packed + bytes((given.network.prefixlen,))


def netmask(name: str, packed: bytes) -> IPv4Address:
    mask = address(name, packed)
    if not is_mask(mask):
        raise Malformed(f"{name} {mask} is not a netmask")
    return mask


def is_mask(mask: IPv4Address) -> bool:
    inverse = int(mask) ^ 0xFFFFFFFF
    return inverse & inverse + 1 == 0
