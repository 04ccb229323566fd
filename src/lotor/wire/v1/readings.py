"""The attributes of a transform read in one pass: numbers by type, and lifetimes within bounds that a peer cannot
move."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from lotor.model.frozen import frozen
from lotor.wire.v1.attributes import Attribute
from lotor.wire.v1.numbers import LifeType

LEAST_LIFETIME, LONGEST_LIFETIME = 30, (1 << 32) - 1
"""Seconds: no peer talks us into renewing all the time, nor into a number that few can read."""

LEAST_VOLUME, LARGEST_VOLUME = 1024, (1 << 32) - 1
"""Kilobytes: the same for volumes."""


_SECONDS, _KILOBYTES = int(LifeType.SECONDS), int(LifeType.KILOBYTES)
"""Plain numbers: a member of an enum takes several times as long to find in a dict."""


@frozen
class Meanings:
    """The attributes of a protocol by their numbers: all that are known but lifetimes, the two of a lifetime, that of a
    key length, and the known ones in the order in which they were named."""

    known: frozenset[int]
    life_type: int
    life_duration: int
    key_length: int
    order: tuple[int, ...]

    @classmethod
    def of(cls, *known: int, life: tuple[int, int], key_length: int) -> Self:
        order = tuple(map(int, known))
        return cls(frozenset(order), int(life[0]), int(life[1]), int(key_length), order)


class Reading:
    """`numbers` by type: the first of a type counts. `durations` by unit: that of the life type before them, or of the
    only one. `understood`: every attribute is known and stands once, a lifetime once in each unit, and no key has
    0 bits."""

    __slots__ = ("durations", "numbers", "understood")

    def __init__(self, attributes: Sequence[Attribute], meanings: Meanings) -> None:
        # A stranger's message may hold hundreds: what is usual is read without a look at each.
        self.numbers = {each.type: _number(each) for each in attributes}
        self.durations: dict[int, int] = {}
        self.understood = True
        if len(self.numbers) < len(attributes):
            self._read_doubles(attributes, meanings)
        else:
            unit = self.numbers.pop(meanings.life_type, 0)
            if meanings.life_duration in self.numbers:
                self.durations[unit] = self.numbers.pop(meanings.life_duration)
        self.understood &= self.numbers.keys() <= meanings.known and self.numbers.get(meanings.key_length) != 0

    def _read_doubles(self, attributes: Sequence[Attribute], meanings: Meanings) -> None:
        """Where a type stands twice."""
        self.numbers, units, unit = {}, set[int](), 0
        for attribute in attributes:
            kind, number = attribute.type, attribute.number
            if kind == meanings.life_type:
                self.understood &= number not in units
                units.add(number)
                unit = number
                continue
            found, key = (self.durations, unit) if kind == meanings.life_duration else (self.numbers, kind)
            self.understood &= key not in found
            found.setdefault(key, number)

    @property
    def seconds(self) -> int | None:
        """None where none is named; no seconds at all stay 0, which nobody takes."""
        number = self.durations.get(_SECONDS)
        return number and min(max(number, LEAST_LIFETIME), LONGEST_LIFETIME)

    @property
    def kilobytes(self) -> int | None:
        """None where none is named; no kilobytes at all are no limit."""
        number = self.durations.get(_KILOBYTES)
        return min(max(number, LEAST_VOLUME), LARGEST_VOLUME) if number else None


def _number(attribute: Attribute) -> int:
    data = attribute.data
    return data[0] << 8 | data[1] if attribute.basic else attribute.number
