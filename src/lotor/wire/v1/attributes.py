"""Data attributes (RFC 2408 §3.3), type and value: short (TV) or long (TLV), and peers use either form for any."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from lotor.wire.errors import Malformed
from lotor.wire.v1.numbers import XauthAttribute

MOST_ATTRIBUTES = 256
BIGGEST_NUMBER = (1 << 64) - 1
_HEAD = struct.Struct("!HH")
_BASIC = 0x8000
_TYPE_MASK = 0x7FFF
SECRET = frozenset(
    {XauthAttribute.USER_PASSWORD, XauthAttribute.PASSCODE, XauthAttribute.NEXT_PIN, XauthAttribute.ANSWER}
)


@dataclass(frozen=True, slots=True)
class Attribute:
    """`type` without the format bit; `data` of a `basic` (TV) attribute has 2 octets."""

    type: int
    data: bytes
    basic: bool = False

    def __repr__(self) -> str:
        """What a person typed never prints, in whatever list or message the attribute stands."""
        data = "…" if self.type in SECRET else repr(self.data)
        return f"Attribute(type={self.type}, data={data}, basic={self.basic})"

    @property
    def number(self) -> int:
        """The value as an unsigned number, 0 when empty. Never above 2^64 - 1: a longer one reads as that."""
        return int.from_bytes(self.data, "big") if len(self.data.lstrip(b"\0")) <= 8 else BIGGEST_NUMBER

    @classmethod
    def tv(cls, type: int, number: int) -> Attribute:  # noqa: A002 - the field's own name
        """The short form; `number` below 65536."""
        return cls(type, number.to_bytes(2, "big"), basic=True)

    @classmethod
    def tlv(cls, type: int, data: bytes) -> Attribute:  # noqa: A002 - the field's own name
        """The long form."""
        return cls(type, data)

    @classmethod
    def integer(cls, type: int, number: int) -> Attribute:  # noqa: A002 - the field's own name
        """A number: short below 65536, else long with 4 octets."""
        return cls.tv(type, number) if number < 1 << 16 else cls.tlv(type, number.to_bytes(4, "big"))


def decode_attributes(octets: bytes, *, slack: int = 0) -> tuple[Attribute, ...]:
    """All attributes. At most `slack` zero octets behind the last one are ignored (some peers align their lists)."""
    attributes: list[Attribute] = []
    offset, end = 0, len(octets)
    while offset < end and not (end - offset <= slack and not any(octets[offset:])):
        if len(attributes) == MOST_ATTRIBUTES:
            raise Malformed(f"more than {MOST_ATTRIBUTES} attributes")
        attribute, offset = _decode_attribute(octets, offset)
        attributes.append(attribute)
    return tuple(attributes)


def encode_attributes(attributes: Iterable[Attribute]) -> bytes:
    """`ValueError` when a value does not fit its form."""
    return b"".join(_encode_attribute(attribute) for attribute in attributes)


def _decode_attribute(octets: bytes, offset: int) -> tuple[Attribute, int]:
    """The attribute at `offset`, and the offset behind it."""
    if len(octets) - offset < _HEAD.size:
        raise Malformed(f"attribute at offset {offset} needs 4 octets, {len(octets) - offset} are left")
    number, length = _HEAD.unpack_from(octets, offset)
    start = offset + _HEAD.size
    if number & _BASIC:
        return Attribute(number & _TYPE_MASK, octets[start - 2 : start], basic=True), start
    if length > len(octets) - start:
        raise Malformed(f"attribute {number} at offset {offset} needs {length} octets, {len(octets) - start} are left")
    return Attribute(number, octets[start : start + length]), start + length


def _encode_attribute(attribute: Attribute) -> bytes:
    if not 0 <= attribute.type <= _TYPE_MASK:
        raise ValueError(f"attribute type {attribute.type} does not fit in 15 bits")
    if not attribute.basic:
        if len(attribute.data) > 0xFFFF:
            raise ValueError(f"attribute {attribute.type} of {len(attribute.data)} octets does not fit")
        return attribute.type.to_bytes(2, "big") + len(attribute.data).to_bytes(2, "big") + attribute.data
    if len(attribute.data) != 2:
        raise ValueError(f"short attribute {attribute.type} needs 2 octets, not {len(attribute.data)}")
    return (attribute.type | _BASIC).to_bytes(2, "big") + attribute.data
