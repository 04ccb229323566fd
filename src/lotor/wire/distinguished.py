"""Distinguished names in DER as text for people (X.501, RFC 4514): names are shown here, never compared."""

from __future__ import annotations

from collections.abc import Iterator

from lotor.wire.errors import Malformed
from lotor.wire.fields import Cursor

SEQUENCE, SET, OBJECT_IDENTIFIER = 0x30, 0x31, 0x06
BMP_STRING = 0x1E
MOST_PARTS = 64

_TYPES = {
    bytes.fromhex("550403"): "CN",
    bytes.fromhex("550406"): "C",
    bytes.fromhex("550407"): "L",
    bytes.fromhex("550408"): "ST",
    bytes.fromhex("55040a"): "O",
    bytes.fromhex("55040b"): "OU",
    bytes.fromhex("2a864886f70d010901"): "emailAddress",
    bytes.fromhex("0992268993f22c640119"): "DC",
}


def name_text(der: bytes) -> str:
    """Like `C=XX, O=Lab, CN=vpn.example.net`, in the order of the name; not cleaned. `Malformed` when it is no name."""
    parts: list[str] = []
    for tag, relative in _elements(_inside(der, SEQUENCE)):
        if tag != SET or len(parts) == MOST_PARTS:
            raise Malformed("not a distinguished name")
        parts.append("+".join(_pair(inner) for kind, inner in _elements(relative) if kind == SEQUENCE))
    return ", ".join(parts)


def _pair(octets: bytes) -> str:
    elements = list(_elements(octets))
    if len(elements) != 2 or elements[0][0] != OBJECT_IDENTIFIER:
        raise Malformed("not an attribute of a distinguished name")
    (_, identifier), (tag, value) = elements
    text = value.decode("utf-16-be" if tag == BMP_STRING else "utf-8", "replace")
    return f"{_TYPES.get(identifier, identifier.hex())}={text}"


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
