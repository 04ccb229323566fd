"""Distinguished names as a configuration writes them, beside the parts of a real one: types and values, no octets."""

from __future__ import annotations

import re
from collections.abc import Iterable

ANY_VALUE = "*"
HEX_MARK = "~"
"""`~` and hexadecimal digits: the name in DER."""

Parts = list[tuple[str, str]]
"""Types and values in their order."""

_ALIASES = {
    "e": "emailaddress",
    "email": "emailaddress",
    "s": "st",
    "userid": "uid",
    "t": "title",
    "surname": "sn",
    "givenname": "gn",
}
_SEPARATOR = re.compile(r"(?<!\\),")
_PART = re.compile(r"\s*([A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)+)\s*=\s*(.*?)\s*", re.DOTALL)


def parse_name(text: str) -> Parts:
    """`C=XX, O=Lab, CN=*` or `/C=XX/O=Lab/CN=*` as (type, value). `ValueError` tells the wrong part."""
    parts = text[1:].split("/") if text.startswith("/") else _SEPARATOR.split(text)
    return [_part(part) for part in parts]


def means(text: str, der: bytes, parts: Iterable[tuple[str, str]]) -> bool:
    """Whether a configured name means this one: in its order or in the reverse order of RFC 4514, `*` for any value."""
    if text.startswith(HEX_MARK):
        return text[1:].lower() == der.hex()
    wanted, present = parse_name(text), [(_kind(kind), _fold(value)) for kind, value in parts]
    return any(_fits(order, present) for order in (wanted, wanted[::-1]))


def _part(part: str) -> tuple[str, str]:
    found = _PART.fullmatch(part)
    if not found or not found[2]:
        raise ValueError(f"'{part.strip()}' is not of the form TYPE=VALUE")
    return _kind(found[1]), _fold(found[2].replace("\\,", ","))


def _kind(kind: str) -> str:
    return _ALIASES.get(kind.lower(), kind.lower())


def _fold(value: str) -> str:
    return " ".join(value.split()).casefold()


def _fits(wanted: Parts, present: Parts) -> bool:
    return len(wanted) == len(present) and all(
        kind == present_kind and value in {ANY_VALUE, present_value}
        for (kind, value), (present_kind, present_value) in zip(wanted, present, strict=True)
    )
