"""Declarations of binary layouts: a structure is a row of fields, and reading and writing both follow from it.

A size or a count on the wire belongs to the field that it measures, and is never a value of its own.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, MutableMapping
from typing import Any, Protocol, TypeAlias

from lotor.model.frozen import frozen
from lotor.wire.errors import Malformed


class Cursor:
    """A position in octets that moves forward."""

    __slots__ = ("octets", "offset")

    def __init__(self, octets: bytes, offset: int = 0) -> None:
        self.octets = octets
        self.offset = offset

    @property
    def left(self) -> int:
        return len(self.octets) - self.offset

    def take(self, size: int, what: str) -> bytes:
        """The next `size` octets; `Malformed` when fewer are left."""
        start, end = self.offset, self.offset + size
        if end > len(self.octets):
            raise Malformed(f"{what} needs {size} octets, {self.left} are left")
        self.offset = end
        return self.octets[start:end]


Values = MutableMapping[str, Any]
"""What was read so far, by name: keywords of the structure's class."""

Sizes = MutableMapping[str, int]
"""Sizes and counts that were read, for the fields that they measure."""


Row: TypeAlias = tuple[str, str, int, int, Callable[[bytes], Any] | None, Callable[[Any], bytes] | None]
"""A field for the native codec: what it is, its name, its octets (of `Rest` the least), the number that is expected,
and what makes a value of its octets and octets of its value."""


class Field(Protocol):
    """One part of a layout."""

    @property
    def name(self) -> str: ...

    def read(self, cursor: Cursor, sizes: Sizes, values: Values) -> None: ...

    def write(self, value: object) -> bytes: ...


@frozen
class Number:
    """An unsigned number in network order, of 1, 2 or 4 octets. `kind` turns it into a value."""

    name: str
    octets: int
    kind: Callable[[int], Any] | None = None

    def accept(self, number: int, sizes: Sizes, values: Values) -> None:
        """The number that was read."""
        del sizes
        values[self.name] = number if self.kind is None else self.kind(number)

    def number_of(self, value: object) -> int:
        """The number to write."""
        return int(getattr(value, self.name))

    def row(self) -> Row | None:
        return None if self.kind is not None else ("number", self.name, self.octets, 0, None, None)


@frozen
class Expected:
    """A number that must have one value, the default of the structure. Anything else is refused."""

    name: str
    octets: int
    number: int

    def accept(self, number: int, sizes: Sizes, values: Values) -> None:
        del sizes
        if number != self.number:
            raise Malformed(f"{self.name} {number} is not known here, only {self.number} is")
        values[self.name] = number

    def number_of(self, value: object) -> int:
        return int(getattr(value, self.name))

    def row(self) -> Row:
        return "expected", self.name, self.octets, self.number, None, None


@frozen
class Reserved:
    """Octets that are written zero and ignored when read."""

    octets: int
    name: str = "reserved"

    def row(self) -> Row:
        return "reserved", self.name, self.octets, 0, None, None


@frozen
class SizeOf:
    """The length in octets of the `Sized` field of that name."""

    name: str
    octets: int

    def accept(self, number: int, sizes: Sizes, values: Values) -> None:
        del values
        sizes[self.name] = number

    def number_of(self, value: object) -> int:
        return len(getattr(value, self.name))

    def row(self) -> Row:
        return "size", self.name, self.octets, 0, None, None


@frozen
class Sized:
    """Octets whose length stands in a `SizeOf` before them."""

    name: str

    def read(self, cursor: Cursor, sizes: Sizes, values: Values) -> None:
        values[self.name] = cursor.take(sizes[self.name], self.name)

    def write(self, value: object) -> bytes:
        return bytes(getattr(value, self.name))

    def row(self) -> Row:
        return "sized", self.name, 0, 0, None, None


@frozen
class Rest:
    """Everything up to the end; `least` octets must be there."""

    name: str
    least: int = 0

    def read(self, cursor: Cursor, sizes: Sizes, values: Values) -> None:
        del sizes
        values[self.name] = cursor.take(max(cursor.left, self.least), self.name)

    def write(self, value: object) -> bytes:
        return bytes(getattr(value, self.name))

    def row(self) -> Row:
        return "rest", self.name, self.least, 0, None, None


@frozen
class Nested:
    """Everything up to the end, as values of another codec."""

    name: str
    decode: Callable[[bytes], Any]
    encode: Callable[[Any], bytes]

    def read(self, cursor: Cursor, sizes: Sizes, values: Values) -> None:
        del sizes
        values[self.name] = self.decode(cursor.take(cursor.left, self.name))

    def write(self, value: object) -> bytes:
        return self.encode(getattr(value, self.name))

    def row(self) -> Row:
        return "rest", self.name, 0, 0, self.decode, self.encode


Valued = Number | Expected | SizeOf
Fixed = Valued | Reserved
Told = Fixed | Sized | Rest | Nested
"""Fields that the native codec may know."""

_CODES = {1: "B", 2: "H", 4: "I"}


class Layout:
    """The fields of a structure in the order of the wire: those of a fixed size first, which are read and written at
    once. Octets behind the last field are `Malformed`. `plain`: the structure is one row of octets of that name."""

    __slots__ = ("_fixed", "_head", "_others", "_valued", "fields", "plain")

    def __init__(self, *fields: Fixed | Field) -> None:
        self.fields = fields
        self._fixed = [field for field in fields if isinstance(field, Fixed)]
        self._others = [field for field in fields if not isinstance(field, Fixed)]
        if [*self._fixed, *self._others] != list(fields):
            raise TypeError("the fields of a fixed size stand first")
        self._valued = [field for field in self._fixed if isinstance(field, Valued)]
        self._head = struct.Struct("!" + "".join([_code(field) for field in self._fixed]))
        self.plain = fields[0].name if fields == (Rest(fields[0].name),) else None

    def rows(self) -> tuple[Row, ...] | None:
        """The fields as the native codec takes them; None where one of them is more than it can say."""
        told = [field.row() for field in self.fields if isinstance(field, Told)]
        rows = [row for row in told if row is not None]
        return tuple(rows) if len(rows) == len(self.fields) else None

    def decode(self, octets: bytes) -> dict[str, Any]:
        """The values by name, ready to be keywords of the structure's class."""
        if self.plain is not None:
            return {self.plain: octets}
        if len(octets) < self._head.size:
            raise self._cut_off(len(octets))
        sizes, values = dict[str, int](), dict[str, Any]()
        for field, number in zip(self._valued, self._head.unpack_from(octets), strict=True):
            field.accept(number, sizes, values)
        cursor = Cursor(octets, self._head.size)
        for other in self._others:
            other.read(cursor, sizes, values)
        if cursor.left:
            raise Malformed(f"{cursor.left} octets too many behind {self.fields[-1].name}")
        return values

    def encode(self, value: object) -> bytes:
        """`ValueError` when a value does not fit its field."""
        if self.plain is not None:
            return bytes(getattr(value, self.plain))
        numbers = [field.number_of(value) for field in self._valued]
        try:
            head = self._head.pack(*numbers)
        except struct.error:
            raise self._does_not_fit(numbers) from None
        return head + b"".join([other.write(value) for other in self._others])

    def _cut_off(self, left: int) -> Malformed:
        for field in self._fixed:
            if left < field.octets:
                return Malformed(f"{_what(field)} needs {field.octets} octets, {left} are left")
            left -= field.octets
        return Malformed(f"{left} octets are left")

    def _does_not_fit(self, numbers: list[int]) -> ValueError:
        misfits = [
            f"{_what(field)} {number} does not fit in {field.octets} octets"
            for field, number in zip(self._valued, numbers, strict=True)
            if not 0 <= number < 1 << 8 * field.octets
        ]
        return ValueError(", ".join(misfits))


def _code(field: Fixed) -> str:
    """As the module `struct` writes it."""
    return f"{field.octets}x" if isinstance(field, Reserved) else _CODES[field.octets]


def _what(field: Fixed) -> str:
    return f"size of {field.name}" if isinstance(field, SizeOf) else field.name
