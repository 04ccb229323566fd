"""What the database answers, looked at before anybody believes it: types, bounds, addresses, texts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

from lotor.fleet.faults import UnfitAnswerError
from lotor.model.network import Address
from lotor.model.text import clean

LARGEST = (1 << 63) - 1
LONGEST_TEXT = 256
LATEST = 1e11
"""Seconds since 1970 that a time can be."""

Row = Sequence[Any]


def unfit(what: str) -> UnfitAnswerError:
    return UnfitAnswerError(f"the fleet's database answers what was not asked for: {what}")


def number(value: Any, most: int = LARGEST) -> int:
    if type(value) is not int or not 0 <= value <= most:
        raise unfit("a number that cannot be")
    return value


def seconds(value: Any, most: float = LATEST) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise unfit("a time that cannot be")
    return min(max(float(value), 0.0), most)


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise unfit("neither yes nor no")
    return value


def text(value: Any, longest: int = LONGEST_TEXT) -> str:
    if not isinstance(value, str):
        raise unfit("no text")
    return clean(value, longest=longest)


def octets(value: Any, longest: int) -> bytes:
    if not isinstance(value, bytes) or len(value) > longest:
        raise unfit("octets that cannot be")
    return value


def addresses(value: Any, most: int) -> tuple[Address, ...]:
    """With blanks between them."""
    named = value.split(" ") if isinstance(value, str) and value else []
    if not isinstance(value, str) or len(named) > most:
        raise unfit("no list of addresses")
    try:
        return tuple(map(ip_address, named))
    except ValueError:
        raise unfit("no address") from None


def rows(value: Any, most: int) -> list[Row]:
    if not isinstance(value, list) or len(value) > most:
        raise unfit("more rows than were asked for")
    return value
