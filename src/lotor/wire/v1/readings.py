"""The attributes of a transform read in one pass: numbers by type, and lifetimes within bounds that no peer moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from lotor.wire.v1.attributes import Attribute
from lotor.wire.v1.numbers import LifeType

LEAST_LIFETIME, LONGEST_LIFETIME = 30, (1 << 32) - 1
"""Seconds: no peer talks us into renewing all the time, nor into a number that few can read."""

LEAST_VOLUME, LARGEST_VOLUME = 1024, (1 << 32) - 1
"""Kilobytes: the same for volumes."""


@dataclass(frozen=True, slots=True)
class Meanings:
    """The attributes of a protocol by their numbers: all that are known but lifetimes, the two of a lifetime, that of a
    key length."""

    known: frozenset[int]
    life_type: int
    life_duration: int
    key_length: int

    @classmethod
    def of(cls, *known: int, life: tuple[int, int], key_length: int) -> Self:
        return cls(frozenset(map(int, known)), int(life[0]), int(life[1]), int(key_length))


class Reading:
    """`numbers` by type: the first of a type counts. `durations` by unit: that of the life type before them.
    `understood`: every attribute is known and stands once, a lifetime once in each unit, and no key has 0 bits."""

    __slots__ = ("durations", "numbers", "understood")

    def __init__(self, attributes: Sequence[Attribute], meanings: Meanings) -> None:
        numbers, durations, units, unit, odd = dict[int, int](), dict[int, int](), set[int](), 0, 0
        known, life_type, life_duration = meanings.known, meanings.life_type, meanings.life_duration
        for attribute in attributes:
            kind, data = attribute.type, attribute.data
            number = data[0] << 8 | data[1] if attribute.basic else attribute.number
            if kind == life_type:
                odd += number in units
                units.add(number)
                unit = number
            elif kind == life_duration:
                odd += unit in durations
                durations.setdefault(unit, number)
            else:
                odd += kind in numbers or kind not in known
                numbers.setdefault(kind, number)
        self.numbers, self.durations = numbers, durations
        self.understood = not odd and numbers.get(meanings.key_length) != 0

    @property
    def seconds(self) -> int | None:
        """None where none is named; no seconds at all stay 0, which nobody takes."""
        number = self.durations.get(LifeType.SECONDS)
        return number and min(max(number, LEAST_LIFETIME), LONGEST_LIFETIME)

    @property
    def kilobytes(self) -> int | None:
        """None where none is named; no kilobytes at all are no limit."""
        number = self.durations.get(LifeType.KILOBYTES)
        return min(max(number, LEAST_VOLUME), LARGEST_VOLUME) if number else None
