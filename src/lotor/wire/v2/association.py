"""The security association payload with its proposals and transforms (RFC 7296 §3.3)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import ClassVar, TypeVar

from lotor.model.frozen import frozen
from lotor.wire.errors import Malformed
from lotor.wire.fields import Cursor, Layout, Nested
from lotor.wire.v2.numbers import AttributeType, PayloadType

MOST_PROPOSALS = 64
MOST_TRANSFORMS = 512
"""Of all proposals together. Windows offers each combination as a proposal of its own: 36 proposals of 4 transforms."""
LONGEST_SPI = 8
LONGEST_USUAL, MOST_USUAL = 8, 256
"""Octets of a transform with nothing but a key length, and how many of them are remembered. Strangers send others."""
_SUBSTRUCTURE = struct.Struct("!BxH")
_TRANSFORM = struct.Struct("!BxH")
_SHORT = 0x8000
PROPOSAL, TRANSFORM, LAST = 2, 3, 0
"""What the first octet of a substructure says: another one of its kind follows, or none."""

T = TypeVar("T")


@frozen
class Attribute:
    """Of a transform. `short`: type and value in 4 octets; the only one that exists, the key length, is always so."""

    type: int
    data: bytes
    short: bool = True


@frozen
class Transform:
    """One algorithm of a proposal: `type` is what it is for, `id` which one."""

    type: int
    id: int
    attributes: tuple[Attribute, ...] = ()

    @classmethod
    def of(cls, type: int, id: int, key_bits: int = 0) -> Transform:  # noqa: A002 - the fields' own names
        """`key_bits` 0: without key length."""
        sized = (Attribute(AttributeType.KEY_LENGTH, key_bits.to_bytes(2, "big")),) if key_bits else ()
        return cls(type, id, sized)

    @property
    def key_bits(self) -> int | None:
        """The key length; None where there is no attribute of it, or another attribute than it."""
        if [each.type for each in self.attributes] != [AttributeType.KEY_LENGTH]:
            return None
        return int.from_bytes(self.attributes[0].data, "big")


@frozen
class Proposal:
    """Transforms, of which one of each type is to be chosen. `number`: counted from 1 by most peers. `spi`: that of the
    end that proposes, empty in IKE_SA_INIT."""

    number: int
    protocol: int
    spi: bytes
    transforms: tuple[Transform, ...]


def _decode_attributes(cursor: Cursor) -> tuple[Attribute, ...]:
    found = list[Attribute]()
    while cursor.left:
        head = int.from_bytes(cursor.take(2, "type of an attribute"), "big")
        if head & _SHORT:
            found.append(Attribute(head & ~_SHORT, cursor.take(2, "attribute")))
        else:
            size = int.from_bytes(cursor.take(2, "length of an attribute"), "big")
            found.append(Attribute(head, cursor.take(size, "attribute"), short=False))
    return tuple(found)


def _encode_attribute(attribute: Attribute) -> bytes:
    if attribute.short:
        return (attribute.type | _SHORT).to_bytes(2, "big") + attribute.data
    return attribute.type.to_bytes(2, "big") + len(attribute.data).to_bytes(2, "big") + attribute.data


def _decode_transform(octets: bytes) -> Transform:
    return _usual_transform(octets) if len(octets) <= LONGEST_USUAL else _read_transform(octets)


@lru_cache(MOST_USUAL)
def _usual_transform(octets: bytes) -> Transform:
    """Remembered: a client of Windows sends a dozen of them twelve times, and so does the next one."""
    return _read_transform(octets)


def _read_transform(octets: bytes) -> Transform:
    if len(octets) < _TRANSFORM.size:
        raise Malformed(f"a transform needs {_TRANSFORM.size} octets, {len(octets)} are left")
    kind, number = _TRANSFORM.unpack_from(octets)
    return Transform(kind, number, _decode_attributes(Cursor(octets, _TRANSFORM.size)))


def _encode_transform(transform: Transform) -> bytes:
    attributes = b"".join(map(_encode_attribute, transform.attributes))
    return _TRANSFORM.pack(transform.type, transform.id) + attributes


def _decode_proposal(octets: bytes) -> Proposal:
    cursor = Cursor(octets)
    number, protocol, spi_size, count = cursor.take(4, "a proposal")
    if spi_size > LONGEST_SPI:
        raise Malformed(f"an SPI of {spi_size} octets; {LONGEST_SPI} are the most")
    spi = cursor.take(spi_size, "SPI")
    transforms = _decode_row(cursor, TRANSFORM, _decode_transform) if count else ()
    if len(transforms) != count or cursor.left:
        raise Malformed(f"{count} transforms announced, {len(transforms)} found")
    return Proposal(number, protocol, spi, transforms)


def _encode_proposal(proposal: Proposal) -> bytes:
    head = bytes([proposal.number, proposal.protocol, len(proposal.spi), len(proposal.transforms)])
    return head + proposal.spi + _encode_row([_encode_transform(each) for each in proposal.transforms], TRANSFORM)


def _decode_row(cursor: Cursor, kind: int, decode: Callable[[bytes], T]) -> tuple[T, ...]:
    """Substructures of one kind, each of which says whether another one follows."""
    found, following = list[T](), kind
    while following == kind:
        if len(found) == MOST_TRANSFORMS:
            raise Malformed(f"more than {MOST_TRANSFORMS} substructures")
        following, length = _SUBSTRUCTURE.unpack(cursor.take(_SUBSTRUCTURE.size, "a substructure"))
        if length < _SUBSTRUCTURE.size:
            raise Malformed(f"a substructure says length {length}, below its own header")
        found.append(decode(cursor.take(length - _SUBSTRUCTURE.size, "a substructure")))
    if following != LAST:
        raise Malformed(f"a substructure is followed by {following}, not by {kind} or {LAST}")
    if cursor.left:
        raise Malformed(f"{cursor.left} octets too many behind the last substructure")
    return tuple(found)


def _encode_row(bodies: Sequence[bytes], kind: int) -> bytes:
    last = len(bodies) - 1
    return b"".join(
        [
            _SUBSTRUCTURE.pack(LAST if index == last else kind, _SUBSTRUCTURE.size + len(body)) + body
            for index, body in enumerate(bodies)
        ]
    )


def _decode_proposals(octets: bytes) -> tuple[Proposal, ...]:
    proposals = _decode_row(Cursor(octets), PROPOSAL, _decode_proposal)
    if len(proposals) > MOST_PROPOSALS or sum(len(each.transforms) for each in proposals) > MOST_TRANSFORMS:
        raise Malformed(f"more than {MOST_PROPOSALS} proposals, or {MOST_TRANSFORMS} transforms")
    return proposals


def _encode_proposals(proposals: Sequence[Proposal]) -> bytes:
    return _encode_row([_encode_proposal(each) for each in proposals], PROPOSAL)


@frozen
class SecurityAssociation:
    """Proposals in order of preference, or the chosen one."""

    payload_type: ClassVar[int] = PayloadType.SA
    layout: ClassVar[Layout] = Layout(Nested("proposals", _decode_proposals, _encode_proposals))

    proposals: tuple[Proposal, ...]
