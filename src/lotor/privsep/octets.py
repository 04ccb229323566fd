"""What every form of a value is made with: octets that are read from the front, and the fault that they may have."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

LENGTH, TAG = struct.Struct("!I"), struct.Struct("!B")


class Malformed(Exception):  # noqa: N818 - what the octets are
    """The octets are no value of the type that was wanted. The text quotes none of them."""


class Reader:
    """What is left of a message."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    def take(self, count: int) -> bytes:
        if count > len(self._octets) - self._at:
            raise Malformed(f"{count} octets are announced, {len(self._octets) - self._at} are there")
        self._at += count
        return self._octets[self._at - count : self._at]

    def number(self, layout: struct.Struct) -> int:
        (number,) = layout.unpack(self.take(layout.size))
        return int(number)

    def sized(self) -> bytes:
        return self.take(self.number(LENGTH))

    def demand_end(self) -> None:
        if self._at != len(self._octets):
            raise Malformed(f"{len(self._octets) - self._at} octets too many")


def sized(octets: bytes) -> bytes:
    return LENGTH.pack(len(octets)) + octets


@dataclass(frozen=True, slots=True)
class Form:
    """How one type is written and read. `fits` tells the members of a union apart. A value has one form only: what is
    read is written again by the same octets."""

    fits: Callable[[Any], bool]
    write: Callable[[Any], bytes]
    read: Callable[[Reader], Any]
