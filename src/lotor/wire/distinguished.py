"""Distinguished names in DER as types and values, and as text for people (X.501, RFC 4514)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from lotor.model.distinguished import type_word
from lotor.wire.errors import Malformed
from lotor.wire.fields import Cursor

SEQUENCE, SET, OBJECT_IDENTIFIER = 0x30, 0x31, 0x06
BMP_STRING = 0x1E
MOST_PARTS = 64
LONGEST_TYPE = 32
"""Octets of an identifier; those that no registry gives stay as they are."""
MOST_TYPES = 256
"""Remembered with their words; no name has more than 64."""


def name_text(der: bytes) -> str:
    """Like `C=XX, O=Lab, CN=vpn.example.net`, in the order of the name; not cleaned. `Malformed` when it is no name."""
    return ", ".join("+".join(f"{kind}={value}" for kind, value in part) for part in name_parts(der))


def name_parts(der: bytes) -> list[list[tuple[str, str]]]:
    """Each part as its types and values, usually one pair; a type without a name as numbers with dots."""
    parts, count = list[list[tuple[str, str]]](), 0
    for tag, relative in _elements(_inside(der, SEQUENCE)):
        if tag != SET or len(parts) == MOST_PARTS:
            raise Malformed("not a distinguished name")
        parts.append([])
        for kind, inner in _elements(relative):
            count += 1
            if count > MOST_PARTS:
                raise Malformed(f"a distinguished name of more than {MOST_PARTS} parts")
            if kind == SEQUENCE:
                parts[-1].append(_pair(inner))
    return parts


def _pair(octets: bytes) -> tuple[str, str]:
    elements = list(_elements(octets))
    if len(elements) != 2 or elements[0][0] != OBJECT_IDENTIFIER:
        raise Malformed("not an attribute of a distinguished name")
    (_, identifier), (tag, value) = elements
    text = value.decode("utf-16-be" if tag == BMP_STRING else "utf-8", "replace")
    return _word(identifier) if len(identifier) <= LONGEST_TYPE else identifier.hex(), text


@lru_cache(MOST_TYPES)
def _word(identifier: bytes) -> str:
    """The word of a type; strangers send names, and most have the same few types."""
    return type_word(_dotted(identifier))


def _dotted(identifier: bytes) -> str:
    """The octets of an object identifier as numbers (X.690 §8.19); a second way to write the same numbers stays as it
    is."""
    numbers, number = list[int](), 0
    if not _is_shortest(identifier):
        return identifier.hex()
    for octet in identifier:
        number = number << 7 | octet & 0x7F
        if not octet & 0x80:
            numbers.append(number)
            number = 0
    top = min(numbers[0] // 40, 2) if numbers else 0
    return ".".join(str(each) for each in (top, *(number - 40 * top for number in numbers[:1]), *numbers[1:]))


def _is_shortest(identifier: bytes) -> bool:
    """Whether each number begins with other bits than zeros and the last one ends: else two octet strings would be one
    type."""
    ends = [octet < 0x80 for octet in identifier]
    begins = [True, *ends]
    return all(ends[-1:]) and not any(new and octet == 0x80 for new, octet in zip(begins, identifier, strict=False))


def _inside(octets: bytes, tag: int) -> bytes:
    elements = list(_elements(octets))
    if len(elements) != 1 or elements[0][0] != tag:
        raise Malformed("not one DER sequence")
    return elements[0][1]


def _elements(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each DER element, one after the other."""
    cursor = Cursor(octets)
    while cursor.left:
        tag, length = cursor.take(2, "DER element")
        if length & 0x80:
            size = length & 0x7F
            if not 1 <= size <= 2:
                raise Malformed("DER length of an impossible size")
            length = int.from_bytes(cursor.take(size, "DER length"), "big")
        yield tag, cursor.take(length, "DER content")
