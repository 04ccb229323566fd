"""Data attributes (RFC 2408 §3.3): type and value, short (TV) or long (TLV). Peers use either form for any
attribute."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import lru_cache

from lotor.model.frozen import frozen
from lotor.wire.errors import Malformed
from lotor.wire.v1.numbers import XauthAttribute

MOST_ATTRIBUTES = 256
BIGGEST_NUMBER = (1 << 64) - 1
_HEAD = struct.Struct("!HH")
_BASIC = 0x8000
_FORMAT_BIT = 0x80
"""In the first octet of an attribute of the short form."""
_TYPE_MASK = 0x7FFF
SECRET = frozenset(
    {XauthAttribute.USER_PASSWORD, XauthAttribute.PASSCODE, XauthAttribute.NEXT_PIN, XauthAttribute.ANSWER}
)


@frozen
class Attribute:
    """`type` without the format bit; `data` of a `basic` (TV) attribute has 2 octets."""

    type: int
    data: bytes
    basic: bool = False

    def __repr__(self) -> str:
        """Answers of a person are never shown, in any list or message."""
        data = "…" if self.type in SECRET else repr(self.data)
        return f"Attribute(type={self.type}, data={data}, basic={self.basic})"

    @property
    def number(self) -> int:
        """The value as an unsigned number, 0 when empty. A number above 2^64 - 1 reads as 2^64 - 1."""
        if len(self.data) <= 8 or len(self.data.lstrip(b"\0")) <= 8:
            return int.from_bytes(self.data, "big")
        return BIGGEST_NUMBER

    @classmethod
    def tv(cls, type: int, number: int) -> Attribute:  # noqa: A002 - the field's own name
        """The short form. `ValueError` for a number that is not below 65536."""
        return cls(type, _octets_of(number, 2), basic=True)

    @classmethod
    def tlv(cls, type: int, data: bytes) -> Attribute:  # noqa: A002 - the field's own name
        """The long form."""
        return cls(type, data)

    @classmethod
    def integer(cls, type: int, number: int) -> Attribute:  # noqa: A002 - the field's own name
        """A number: short below 65536, else long with 4 octets, or 8 from 2^32 on. `ValueError` below 0 and from 2^64
        on."""
        if number < 1 << 16:
            return cls.tv(type, number)
        return cls.tlv(type, _octets_of(number, 4 if number < 1 << 32 else 8))


def _octets_of(number: int, size: int) -> bytes:
    if not 0 <= number < 1 << 8 * size:
        raise ValueError(f"{number} does not fit in an attribute of {size} octets")
    return number.to_bytes(size, "big")


def decode_attributes(octets: bytes, *, slack: int = 0, most: int = MOST_ATTRIBUTES) -> tuple[Attribute, ...]:
    """All attributes. At most `slack` zero octets behind the last one are ignored (some peers align their lists)."""
    attributes: list[Attribute] = []
    offset, end = 0, len(octets)
    while offset < end and not (slack >= end - offset and not any(octets[offset:])):
        if len(attributes) == most:
            raise Malformed(f"more than {most} attributes")
        if octets[offset] & _FORMAT_BIT:
            attributes.append(_short(octets[offset : offset + _HEAD.size], offset))
            offset += _HEAD.size
        else:
            attribute, offset = _decode_long(octets, offset)
            attributes.append(attribute)
    return tuple(attributes)


def encode_attributes(attributes: Iterable[Attribute]) -> bytes:
    """`ValueError` when a value does not fit its form."""
    return b"".join(_encode_attribute(attribute) for attribute in attributes)


def _short(octets: bytes, offset: int) -> Attribute:
    if len(octets) < _HEAD.size:
        raise _cut_off(len(octets), offset)
    # Types below 256 are those of transforms: a handful of pairs, and nothing that a person typed.
    return _usual(octets) if octets[0] == _FORMAT_BIT else _read_short(octets)


def _read_short(octets: bytes) -> Attribute:
    return Attribute((octets[0] & ~_FORMAT_BIT) << 8 | octets[1], octets[2:], basic=True)


_usual = lru_cache(1024)(_read_short)


def _decode_long(octets: bytes, offset: int) -> tuple[Attribute, int]:
    """The long attribute at `offset`, and the offset behind it."""
    if len(octets) - offset < _HEAD.size:
        raise _cut_off(len(octets) - offset, offset)
    number, length = _HEAD.unpack_from(octets, offset)
    start = offset + _HEAD.size
    if length > len(octets) - start:
        raise Malformed(f"attribute {number} at offset {offset} needs {length} octets, {len(octets) - start} are left")
    return Attribute(number, octets[start : start + length]), start + length


def _cut_off(left: int, offset: int) -> Malformed:
    return Malformed(f"attribute at offset {offset} needs {_HEAD.size} octets, {left} are left")


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
