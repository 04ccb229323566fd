"""Distinguished names as a configuration writes them, compared with those of certificates."""

from __future__ import annotations

import re

from lotor.crypto.certificates import DistinguishedName

ANY_VALUE = "*"
HEX_MARK = "~"
"""`~` and hexadecimal digits: the name in DER."""

ALIASES = {"e": "emailaddress", "email": "emailaddress", "s": "st", "userid": "uid", "t": "title"}
SEPARATOR = re.compile(r"(?<!\\),")
ATTRIBUTE = re.compile(r"\s*([A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)+)\s*=\s*(.*?)\s*", re.DOTALL)

Attributes = list[tuple[str, str]]


def parse_name(text: str) -> Attributes:
    """`C=XX, O=Lab, CN=*` or `/C=XX/O=Lab/CN=*` as (type, value). `ValueError` tells the wrong part."""
    parts = text[1:].split("/") if text.startswith("/") else SEPARATOR.split(text)
    return [_attribute(part) for part in parts]


def name_matches(text: str, name: DistinguishedName) -> bool:
    """Whether a configured name means this one: in its order or in the reverse order of RFC 4514, `*` for any value."""
    if text.startswith(HEX_MARK):
        return text[1:].lower() == name.der.hex()
    wanted = parse_name(text)
    present = [(_kind(kind), _fold(value)) for part in name.parts for kind, value in part]
    return any(_fits(order, present) for order in (wanted, wanted[::-1]))


def configured_form(name: DistinguishedName) -> str | None:
    """The text to write into a configuration for this name; None where it has characters that cannot stand there."""
    text = str(name)
    values = [value for part in name.parts for _, value in part]
    awkward = any(set(value) & set('",\\/+\n') or value == ANY_VALUE for value in values)
    return None if awkward or not text or not name_matches(text, name) else text


def _attribute(part: str) -> tuple[str, str]:
    found = ATTRIBUTE.fullmatch(part)
    if not found or not found[2]:
        raise ValueError(f"'{part.strip()}' is not of the form TYPE=VALUE")
    return _kind(found[1]), _fold(found[2].replace("\\,", ","))


def _kind(kind: str) -> str:
    return ALIASES.get(kind.lower(), kind.lower())


def _fold(value: str) -> str:
    return " ".join(value.split()).casefold()


def _fits(wanted: Attributes, present: Attributes) -> bool:
    return len(wanted) == len(present) and all(
        kind == present_kind and value in {ANY_VALUE, present_value}
        for (kind, value), (present_kind, present_value) in zip(wanted, present, strict=True)
    )
