"""What a datagram must look like before anything reads it as a packet of RADIUS: every length fits, none is beyond."""

from __future__ import annotations

from lotor.model.frozen import frozen

HEADER = 20
"""Octets: code, identifier, length, authenticator."""
LARGEST = 4096
"""Octets of a packet (RFC 2865 §3)."""
LONGEST_VALUE = 253
"""Octets of one attribute's value."""
MOST_ATTRIBUTES = 512
"""Nearly as many as 4096 octets have room for with something in them: none is empty in earnest."""


class MalformedError(ValueError):
    """The datagram is no packet; the text says why."""


@frozen
class Frame:
    """`octets` without what stood behind the packet; `attributes` in their order, values as they came."""

    octets: bytes
    code: int
    identifier: int
    attributes: tuple[tuple[int, bytes], ...]


def framed(datagram: bytes) -> Frame:
    """Raises `MalformedError`. What stands behind the length that the header tells is padding (RFC 2865 §3)."""
    if len(datagram) < HEADER:
        raise MalformedError(f"{len(datagram)} octets, fewer than a header has")
    length = int.from_bytes(datagram[2:4])
    if not HEADER <= length <= LARGEST:
        raise MalformedError(f"a length of {length} octets")
    if length > len(datagram):
        raise MalformedError(f"it says {length} octets and has {len(datagram)}")
    octets = datagram[:length]
    return Frame(octets, octets[0], octets[1], pairs(octets[HEADER:]))


def pairs(octets: bytes) -> tuple[tuple[int, bytes], ...]:
    """Types and values of attributes that stand one behind the other. Raises `MalformedError`."""
    found: list[tuple[int, bytes]] = []
    while octets:
        length = octets[1] if len(octets) > 1 else 0
        if not 2 <= length <= len(octets):
            raise MalformedError(f"an attribute of type {octets[0]} with a length of {length} octets")
        if len(found) >= MOST_ATTRIBUTES:
            raise MalformedError(f"more than {MOST_ATTRIBUTES} attributes")
        found.append((octets[0], octets[2:length]))
        octets = octets[length:]
    return tuple(found)
