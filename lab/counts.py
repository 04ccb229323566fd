"""Numbers on the command lines of benchmarks, laboratory and demos: `argparse` refuses in words what makes no sense."""

from __future__ import annotations

import math
from argparse import ArgumentTypeError


def some(text: str) -> int:
    """How many rounds, tunnels or people: at least one."""
    return _whole(text, 1)


def none_or_some(text: str) -> int:
    """The same of what may be left out."""
    return _whole(text, 0)


def several(text: str) -> tuple[int, ...]:
    """Some of each, with commas between them."""
    try:
        return tuple(some(each) for each in text.split(","))
    except ArgumentTypeError:
        raise ArgumentTypeError(f"{text} has a part that is no whole number of 1 or more") from None


def seconds(text: str) -> float:
    """How long it takes: it has an end, and time passes."""
    if not 0 < (found := _number(text)) < math.inf:
        raise ArgumentTypeError(f"{text} is no number of seconds above 0")
    return found


def pause(text: str) -> float:
    """The same of what may happen at once."""
    if not 0 <= (found := _number(text)) < math.inf:
        raise ArgumentTypeError(f"{text} is no number of seconds, 0 or more")
    return found


def _whole(text: str, least: int) -> int:
    try:
        found = int(text)
    except ValueError:
        found = least - 1
    if found < least:
        raise ArgumentTypeError(f"{text} is no whole number of {least} or more")
    return found


def _number(text: str) -> float:
    """NaN, which is in no range, where it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan
