"""The security association payload with its proposals and transforms (RFC 2408 §3.4-3.6, RFC 2407 §4.6.1)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar, TypeVar

from lotor.model.frozen import frozen
from lotor.wire.errors import Malformed
from lotor.wire.fields import Cursor, Expected, Layout, Nested, Number, Reserved
from lotor.wire.v1.attributes import Attribute, decode_attributes, encode_attributes
from lotor.wire.v1.numbers import PayloadType, name_of

GENERIC = struct.Struct("!BxH")
"""The generic header: type of the next payload, length of this one with its header."""

GENERIC_SIZE = GENERIC.size
LONGEST_PAYLOAD = 0xFFFF
MOST_TRANSFORMS = 192
"""Of all proposals together. A client that offers every combination of what it has, as Shrew may, sends up to 180."""
LONGEST_SA = 8192
"""Octets. Those 180 transforms have 7,000."""
MOST_OF_TRANSFORM = 16
"""Attributes of one transform; clients send 6 to 9."""
_TRANSFORM_HEAD = 4
LONGEST_SPI = 16
"""Octets (RFC 2408 §3.5)."""
IPSEC_DOI = 1
SIT_IDENTITY_ONLY = 1

T = TypeVar("T")


@frozen
class Transform:
    """One way to protect. `id` is the algorithm in phase 2 and KEY_IKE in phase 1."""

    layout: ClassVar[Layout] = Layout(
        Number("number", 1),
        Number("id", 1),
        Reserved(2),
        Nested("attributes", partial(decode_attributes, most=MOST_OF_TRANSFORM), encode_attributes),
    )

    number: int
    id: int
    attributes: tuple[Attribute, ...]


@frozen
class Proposal:
    """Transforms, one of which is to be chosen, for the protocol and the SPI of the end that proposes."""

    number: int
    protocol: int
    spi: bytes
    transforms: tuple[Transform, ...]

    @classmethod
    def decode(cls, octets: bytes) -> Proposal:
        cursor = Cursor(octets)
        number, protocol, spi_size, count = cursor.take(4, "proposal")
        if spi_size > LONGEST_SPI:
            raise Malformed(f"an SPI of {spi_size} octets; {LONGEST_SPI} are the most")
        spi = cursor.take(spi_size, "SPI")
        transforms = _decode_row(cursor, PayloadType.TRANSFORM, _decode_transform)
        if len(transforms) != count:
            raise Malformed(f"{count} transforms announced, {len(transforms)} found")
        return cls(number, protocol, spi, transforms)

    def encode(self) -> bytes:
        head = bytes([self.number, self.protocol, len(self.spi), len(self.transforms)])
        encoded = [transform.layout.encode(transform) for transform in self.transforms]
        return head + self.spi + _encode_row(encoded, PayloadType.TRANSFORM)


def _decode_transform(octets: bytes) -> Transform:
    """Decodes the fixed part without the layout, for speed: a stranger's message may hold many."""
    if len(octets) < _TRANSFORM_HEAD:
        return Transform(**Transform.layout.decode(octets))
    attributes = decode_attributes(octets[_TRANSFORM_HEAD:], most=MOST_OF_TRANSFORM)
    return Transform(octets[0], octets[1], attributes)


def _decode_proposals(octets: bytes) -> tuple[Proposal, ...]:
    if len(octets) > LONGEST_SA:
        raise Malformed(f"proposals of {len(octets)} octets; {LONGEST_SA} are the most")
    proposals = _decode_row(Cursor(octets), PayloadType.PROPOSAL, Proposal.decode)
    if sum(len(proposal.transforms) for proposal in proposals) > MOST_TRANSFORMS:
        raise Malformed(f"more than {MOST_TRANSFORMS} transforms")
    return proposals


def _encode_proposals(proposals: Sequence[Proposal]) -> bytes:
    return _encode_row([proposal.encode() for proposal in proposals], PayloadType.PROPOSAL)


@frozen
class SecurityAssociation:
    """Proposals of the IPsec DOI in the identity-only situation; any other DOI or situation is `Malformed`."""

    payload_type: ClassVar[int] = PayloadType.SA
    layout: ClassVar[Layout] = Layout(
        Expected("doi", 4, IPSEC_DOI),
        Expected("situation", 4, SIT_IDENTITY_ONLY),
        Nested("proposals", _decode_proposals, _encode_proposals),
    )

    proposals: tuple[Proposal, ...]
    doi: int = IPSEC_DOI
    situation: int = SIT_IDENTITY_ONLY


def generic_header(following: int, body: bytes, kind: int) -> bytes:
    """The four octets before a payload of that kind (RFC 2408 §3.2). `ValueError` when the body is too long for its
    length field."""
    length = GENERIC_SIZE + len(body)
    if length > LONGEST_PAYLOAD:
        raise ValueError(f"{name_of(PayloadType, kind)} of {length} octets is longer than {LONGEST_PAYLOAD}")
    return GENERIC.pack(following, length)


def _decode_row(cursor: Cursor, kind: PayloadType, decode: Callable[[bytes], T]) -> tuple[T, ...]:
    """Structures of one kind, each naming whether another follows, up to the end of what holds them."""
    found: list[T] = []
    following = int(kind)
    while following:
        if following != kind:
            raise Malformed(f"{kind.name.lower()} is followed by payload type {following}")
        if len(found) == MOST_TRANSFORMS:
            raise Malformed(f"more than {MOST_TRANSFORMS} {kind.name.lower()}s")
        start = cursor.offset
        following, body = _next_body(cursor, kind)
        try:
            found.append(decode(body))
        except Malformed as fault:
            raise fault.within(_place(kind, start)) from None
    if cursor.left:
        raise Malformed(f"{cursor.left} octets too many behind the last {kind.name.lower()}")
    return tuple(found)


def _next_body(cursor: Cursor, kind: PayloadType) -> tuple[int, bytes]:
    """What follows the structure at the cursor, and its body. Places are put into words only for a fault."""
    start, left = cursor.offset, cursor.left
    if left < GENERIC_SIZE:
        raise Malformed(f"{_place(kind, start)} needs {GENERIC_SIZE} octets, {left} are left")
    following, length = GENERIC.unpack_from(cursor.octets, start)
    if length < GENERIC_SIZE:
        raise Malformed(f"{_place(kind, start)} says length {length}, below its own header")
    if length > left:
        needed = length - GENERIC_SIZE
        raise Malformed(f"{_place(kind, start)} needs {needed} octets, {left - GENERIC_SIZE} are left")
    cursor.offset = start + length
    return following, cursor.octets[start + GENERIC_SIZE : start + length]


def _place(kind: PayloadType, offset: int) -> str:
    return f"{kind.name.lower()} at offset {offset}"


def _encode_row(bodies: Sequence[bytes], kind: PayloadType) -> bytes:
    last = len(bodies) - 1
    return b"".join(
        [generic_header(0 if index == last else kind, body, kind) + body for index, body in enumerate(bodies)]
    )
