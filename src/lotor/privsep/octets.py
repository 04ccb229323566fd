"""What every form of a value is made with: octets that are read from the front, and the fault that they may have."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from lotor.model.frozen import frozen

LENGTH, TAG = struct.Struct("!I"), struct.Struct("!B")


class Malformed(Exception):  # noqa: N818 - what the octets are
    """The octets are no value of the type that was wanted. The text quotes none of them."""


class Reader:
    """What is left of a message."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._end = len(octets)
        self.at = 0

    def take(self, count: int) -> bytes:
        at = self.at
        if count > self._end - at:
            raise _missing(count, self._end - at)
        self.at = at + count
        return self._octets[at : at + count]

    def tag(self) -> int:
        at = self.at
        if at >= self._end:
            raise _missing(1, 0)
        self.at = at + 1
        return self._octets[at]

    def number(self, layout: struct.Struct) -> int:
        at = self.at
        if layout.size > self._end - at:
            raise _missing(layout.size, self._end - at)
        number: int
        (number,) = layout.unpack_from(self._octets, at)
        self.at = at + layout.size
        return number

    def sized(self) -> bytes:
        """Read in one call: a message of the line has a dozen."""
        at = self.at + LENGTH.size
        if at > self._end:
            raise _missing(LENGTH.size, self._end - self.at)
        (count,) = LENGTH.unpack_from(self._octets, self.at)
        if count > self._end - at:
            raise _missing(count, self._end - at)
        self.at = at + count
        return self._octets[at : at + count]

    def since(self, at: int) -> bytes:
        """What was read since the reader was there."""
        return self._octets[at : self.at]

    def demand_end(self) -> None:
        if self.at != self._end:
            raise Malformed(f"{self._end - self.at} octets too many")


def _missing(announced: int, there: int) -> Malformed:
    return Malformed(f"{announced} octets are announced, {there} are there")


def sized(octets: bytes) -> bytes:
    return LENGTH.pack(len(octets)) + octets


@frozen
class Form:
    """How one type is written and read. A value has one form only: what is read is written again by the same octets.
    `write` raises `TypeError` for what does not fit; `fits` tells the members of a union apart where their classes do
    not. `kinds`: the classes that a value of the type has, None where nobody can list them."""

    fits: Callable[[Any], bool]
    write: Callable[[Any], bytes]
    read: Callable[[Reader], Any]
    kinds: tuple[type, ...] | None = None


def unfit(value: object, wanted: object) -> TypeError:
    """The text quotes no value."""
    return TypeError(f"{type(value).__name__} where {wanted} is declared")
