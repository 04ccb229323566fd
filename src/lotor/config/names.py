"""Distinguished names as racoon.conf writes them, to DER (X.501, RFC 2253 escapes); order is kept as written."""

from __future__ import annotations

import re

_TYPES = {
    "CN": "2.5.4.3",
    "SN": "2.5.4.4",
    "SERIALNUMBER": "2.5.4.5",
    "C": "2.5.4.6",
    "L": "2.5.4.7",
    "ST": "2.5.4.8",
    "STREET": "2.5.4.9",
    "O": "2.5.4.10",
    "OU": "2.5.4.11",
    "TITLE": "2.5.4.12",
    "GN": "2.5.4.42",
    "UID": "0.9.2342.19200300.100.1.1",
    "DC": "0.9.2342.19200300.100.1.25",
    "EMAILADDRESS": "1.2.840.113549.1.9.1",
    "E": "1.2.840.113549.1.9.1",
}
_PRINTABLE = {"C", "SERIALNUMBER"}
_IA5 = {"DC", "EMAILADDRESS", "E"}
_PART = re.compile(r"\s*(?P<type>[A-Za-z]+)\s*=\s*(?P<value>(?:\\.|[^\\,])*?)\s*(?:,|$)")

SEQUENCE, SET, OBJECT_ID = 0x30, 0x31, 0x06
UTF8_STRING, PRINTABLE_STRING, IA5_STRING = 0x0C, 0x13, 0x16


def to_der(text: str) -> bytes:
    """`C=DE, O=Firm, CN=vpn.example.net`, or `~` and the hexadecimal DER. Raises `ValueError` with what is wrong."""
    if text.startswith("~"):
        return _from_hex(text[1:])
    parts: list[bytes] = []
    position = 0
    while position < len(text):
        match = _PART.match(text, position)
        if not match:
            raise ValueError(f'"{text[position : position + 40]}" is no TYPE=value, like CN=vpn.example.net')
        parts.append(_relative(match["type"].upper(), _unescape(match["value"])))
        position = match.end()
    if not parts:
        raise ValueError("the name is empty: write it like CN=vpn.example.net")
    return _tlv(SEQUENCE, b"".join(parts))


def _from_hex(digits: str) -> bytes:
    octets = bytes.fromhex(digits)
    if not octets or octets[0] != SEQUENCE:
        raise ValueError("after ~ comes the DER of a name in hexadecimal, which begins with 30")
    return octets


def _relative(kind: str, value: str) -> bytes:
    if kind not in _TYPES:
        raise ValueError(f"{kind} is no known part of a name: use one of {', '.join(_TYPES)}")
    if not value:
        raise ValueError(f"{kind} has no value")
    try:
        octets = value.encode("ascii" if kind in _PRINTABLE | _IA5 else "utf-8")
    except UnicodeEncodeError:
        raise ValueError(f"{kind} must be ASCII") from None
    tag = PRINTABLE_STRING if kind in _PRINTABLE else IA5_STRING if kind in _IA5 else UTF8_STRING
    return _tlv(SET, _tlv(SEQUENCE, _tlv(OBJECT_ID, _object_id(_TYPES[kind])) + _tlv(tag, octets)))


def _unescape(value: str) -> str:
    hexadecimal = re.sub(r"((?:\\[0-9A-Fa-f]{2})+)", _hex_run, value)
    return re.sub(r"\\(.)", r"\1", hexadecimal)


def _hex_run(match: re.Match[str]) -> str:
    return bytes.fromhex(match[1].replace("\\", "")).decode("utf-8")


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
