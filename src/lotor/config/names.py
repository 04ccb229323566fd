"""Distinguished names of this end, from the configuration to DER (X.501), in the order in which they are written."""

from __future__ import annotations

from lotor.model.distinguished import DER_SEQUENCE, Attribute, StringType, parse_hexadecimal, parse_name

SET, OBJECT_ID = 0x31, 0x06


def to_der(text: str) -> bytes:
    """`C=DE, O=Firm, CN=vpn.example.net`, or `~` and the hexadecimal DER. Raises `ValueError` with what is wrong."""
    octets = parse_hexadecimal(text)
    if octets is not None:
        return octets
    return _tlv(DER_SEQUENCE, b"".join(_relative(each) for each in parse_name(text)))


def der_fault(text: str) -> str | None:
    """What `to_der` would raise; None where the name can be written."""
    try:
        to_der(text)
    except ValueError as fault:
        return str(fault)
    return None


def _relative(attribute: Attribute) -> bytes:
    kind = attribute.kind
    try:
        octets = attribute.value.encode("utf-8" if kind.string is StringType.UTF8 else "ascii")
    except UnicodeEncodeError:
        raise ValueError(f"{kind.word} must be ASCII") from None
    value = _tlv(OBJECT_ID, _object_id(kind.oid)) + _tlv(kind.string.value, octets)
    return _tlv(SET, _tlv(DER_SEQUENCE, value))


def _object_id(dotted: str) -> bytes:
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    return b"".join(_base128(arc) for arc in (first * 40 + second, *rest))


def _base128(arc: int) -> bytes:
    octets = [arc & 0x7F]
    while arc := arc >> 7:
        octets.insert(0, arc & 0x7F | 0x80)
    return bytes(octets)


def _tlv(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(size))) + size + content
