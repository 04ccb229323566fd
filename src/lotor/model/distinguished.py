"""Distinguished names: the one table of attribute types, the one way a configuration writes a name, and whether a
written name matches a peer's. DER appears here only as hexadecimal digits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import Enum

from lotor.model.frozen import frozen

ANY_VALUE = "*"
HEX_MARK = "~"
"""`~` and hexadecimal digits: the name in DER."""
DER_SEQUENCE = 0x30


class StringType(Enum):
    """The ASN.1 string of a value that this end writes, by its tag."""

    UTF8 = 0x0C
    PRINTABLE = 0x13
    IA5 = 0x16


@frozen
class AttributeType:
    """`word` as it is shown, `oid` in numbers with dots; `others`: spellings that a configuration may use as well."""

    word: str
    oid: str
    others: tuple[str, ...] = ()
    string: StringType = StringType.UTF8


@frozen
class Attribute:
    """One part of a name as it was written, with escapes resolved."""

    kind: AttributeType
    value: str


TYPES = (
    AttributeType("CN", "2.5.4.3", ("commonName",)),
    AttributeType("SN", "2.5.4.4", ("surname",)),
    AttributeType("serialNumber", "2.5.4.5", string=StringType.PRINTABLE),
    AttributeType("C", "2.5.4.6", string=StringType.PRINTABLE),
    AttributeType("L", "2.5.4.7"),
    AttributeType("ST", "2.5.4.8", ("S",)),
    AttributeType("street", "2.5.4.9"),
    AttributeType("O", "2.5.4.10"),
    AttributeType("OU", "2.5.4.11"),
    AttributeType("title", "2.5.4.12", ("T",)),
    AttributeType("GN", "2.5.4.42", ("givenName",)),
    AttributeType("UID", "0.9.2342.19200300.100.1.1", ("userid",)),
    AttributeType("DC", "0.9.2342.19200300.100.1.25", string=StringType.IA5),
    AttributeType("emailAddress", "1.2.840.113549.1.9.1", ("E", "email"), StringType.IA5),
)
"""RFC 4519 and RFC 2985 §5.2.1, with the spellings of OpenSSL and racoon."""

_BY_OID = {each.oid: each for each in TYPES}
_BY_WORD = {word.lower(): each for each in TYPES for word in (each.word, *each.others)}

_OID = re.compile(r"(?:[01]\.[1-3]?[0-9]|2\.(?:0|[1-9][0-9]*))(?:\.(?:0|[1-9][0-9]*))*")
_PART = r"\s*(?P<type>[A-Za-z][A-Za-z0-9-]*|[0-9.]+)\s*=\s*(?P<value>(?:\\.|[^\\{0}])*?)\s*(?:{0}|\Z)"
_COMMAS, _SLASHES = (re.compile(_PART.format(separator), re.DOTALL) for separator in ",/")
_SHOWN = 40


def type_word(oid: str) -> str:
    """How a type is shown: its word, or its numbers where it has no word here."""
    found = _BY_OID.get(oid)
    return found.word if found else oid


def parse_name(text: str) -> tuple[Attribute, ...]:
    r"""`C=XX, O=Lab, CN=*` or `/C=XX/O=Lab/CN=*`; a backslash stands before a separator that belongs to a value (or
    before two hexadecimal digits, RFC 4514 §2.4). Raises `ValueError` with what is wrong."""
    parts = tuple(_attributes(text[1:], _SLASHES) if text.startswith("/") else _attributes(text, _COMMAS))
    if not parts:
        raise ValueError("the name is empty: write it like CN=vpn.example.net")
    return parts


def parse_hexadecimal(text: str) -> bytes | None:
    """The DER of a name that is written as `~` and digits; None for one in words. Raises `ValueError`."""
    if not text.startswith(HEX_MARK):
        return None
    octets = bytes.fromhex(text[1:])
    if not octets or octets[0] != DER_SEQUENCE:
        raise ValueError("after ~ comes the DER of a name in hexadecimal, which begins with 30")
    return octets


def name_fault(text: str) -> str | None:
    """What is wrong with a configured name, `~` and digits or words; None where it can be compared."""
    try:
        if parse_hexadecimal(text) is None:
            parse_name(text)
    except ValueError as fault:
        return str(fault)
    return None


def means(text: str, der: bytes, parts: Iterable[tuple[str, str]]) -> bool:
    """Whether a configured name matches this one, in its order or in the reverse order of RFC 4514; `*` matches any
    value. `parts`: types as `type_word` shows them, and values. Raises `ValueError` for a text that is no name."""
    octets = parse_hexadecimal(text)
    if octets is not None:
        return octets == der
    wanted = [(each.kind.word, _fold(each.value)) for each in parse_name(text)]
    present = [(kind, _fold(value)) for kind, value in parts]
    return any(_fits(order, present) for order in (wanted, wanted[::-1]))


def _attributes(text: str, form: re.Pattern[str]) -> Iterator[Attribute]:
    position = 0
    while position < len(text):
        found = form.match(text, position)
        if not found:
            raise ValueError(f"'{text[position : position + _SHOWN].strip()}' is not of the form TYPE=VALUE")
        if not found["value"]:
            raise ValueError(f"{found['type']} has no value")
        yield Attribute(_type(found["type"]), _unescape(found["value"]))
        position = found.end()


def _type(text: str) -> AttributeType:
    found = _BY_WORD.get(text.lower()) or _BY_OID.get(text)
    if found:
        return found
    if not _OID.fullmatch(text):
        words = ", ".join(each.word for each in TYPES)
        raise ValueError(f"{text} is no known part of a name: use one of {words}, or numbers like 2.5.4.3")
    return AttributeType(text, text)


def _unescape(value: str) -> str:
    hexadecimal = re.sub(r"((?:\\[0-9A-Fa-f]{2})+)", _hex_run, value)
    return re.sub(r"\\(.)", r"\1", hexadecimal, flags=re.DOTALL)


def _hex_run(match: re.Match[str]) -> str:
    try:
        return bytes.fromhex(match[1].replace("\\", "")).decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{match[1]} is no UTF-8") from None


def _fold(value: str) -> str:
    return " ".join(value.split()).casefold()


def _fits(wanted: list[tuple[str, str]], present: list[tuple[str, str]]) -> bool:
    return len(wanted) == len(present) and all(
        kind == present_kind and value in {ANY_VALUE, present_value}
        for (kind, value), (present_kind, present_value) in zip(wanted, present, strict=True)
    )
