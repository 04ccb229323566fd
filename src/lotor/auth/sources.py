"""Whom the guesses of strangers count against: the networks that one of them may hold, the narrowest first."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Address, IPv6Network

from lotor.model.network import Network, Peer

NETWORK6, ESTATE6 = 64, 48
"""What one host of IPv6 has at the least, and what its owner may have been given."""


def places(peer: Peer) -> tuple[bytes, ...]:
    """The same networks by the octets that their addresses begin with, of which no two kinds have as many: as keys they
    cost a tenth."""
    octets = peer.address.packed
    return (octets[: NETWORK6 // 8], octets[: ESTATE6 // 8]) if peer.address.version == 6 else (octets,)


def networks(peer: Peer) -> tuple[Network, ...]:
    """The /32 of an IPv4 address; the /64 and the /48 of an IPv6 address."""
    if isinstance(peer.address, IPv6Address):
        return tuple(IPv6Network((int(peer.address), length), strict=False) for length in (NETWORK6, ESTATE6))
    return (IPv4Network(peer.address),)
