"""Declarations of binary layouts: a structure is a row of fields, and reading and writing both follow from it.

A size or a count on the wire belongs to the field that it measures and is never a value of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Protocol

from lotor.wire.errors import Malformed


class Cursor:
    """A place in octets that moves forward; what it took is gone."""

    __slots__ = ("octets", "offset")

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.offset = 0

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


class Field(Protocol):
    """One part of a layout. `sizes` carries what was read of sizes and counts to the fields that they measure."""

    @property
    def name(self) -> str: ...

    def read(self, cursor: Cursor, sizes: MutableMapping[str, int]) -> Mapping[str, Any]: ...

    def write(self, value: object) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Number:
    """An unsigned number in network order. `kind` turns it into a value."""

    name: str
    octets: int
    kind: Callable[[int], Any] = int

    def read(self, cursor: Cursor, sizes: MutableMapping[str, int]) -> Mapping[str, Any]:
        del sizes
        return {self.name: self.kind(int.from_bytes(cursor.take(self.octets, self.name), "big"))}

    def write(self, value: object) -> bytes:
        return _encode_number(getattr(value, self.name), self.octets, self.name)


@dataclass(frozen=True, slots=True)
class Expected:
    """A number that must have one value, the default of the structure: anything else is not understood."""

    name: str
    octets: int
    number: int

    def read(self, cursor: Cursor, sizes: MutableMapping[str, int]) -> Mapping[str, Any]:
        del sizes
        found = int.from_bytes(cursor.take(self.octets, self.name), "big")
        if found != self.number:
            raise Malformed(f"{self.name} {found} is not known here, only {self.number} is")
        return {self.name: found}

    def write(self, value: object) -> bytes:
        return _encode_number(getattr(value, self.name), self.octets, self.name)


@dataclass(frozen=True, slots=True)
class Reserved:
    """Octets that are written zero and ignored when read."""

    octets: int
    name: str = "reserved"

    def read(self, cursor: Cursor, sizes: MutableMapping[str, int]) -> Mapping[str, Any]:
        del sizes
        cursor.take(self.octets, self.name)
        return {}

    def write(self, value: object) -> bytes:
        del value
        return bytes(self.octets)


@dataclass(frozen=True, slots=True)
class SizeOf:
    """The length in octets of the `Sized` field of that name."""

    name: str
    octets: int

    def read(self, cursor: Cursor, sizes: MutableMapping[str, int]) -> Mapping[str, Any]:
        sizes[self.name] = int.from_bytes(cursor.take(self.octets, f"size of {self.name}"), "big")
        return {}

    def write(self, value: object) -> bytes:
        return _encode_number(len(getattr(value, self.name)), self.octets, f"size of {self.name}")


@dataclass(frozen=True, slots=True)
class Sized:
    """Octets whose length stands in a `SizeOf` before them."""

    name: str

    def read(self, cursor: Cursor, sizes: MutableMapping[str, int]) -> Mapping[str, Any]:
        return {self.name: cursor.take(sizes[self.name], self.name)}

    def write(self, value: object) -> bytes:
        return bytes(getattr(value, self.name))


@dataclass(frozen=True, slots=True)
class Rest:
    """Everything up to the end; `least` octets must be there."""

    name: str
    least: int = 0

    def read(self, cursor: Cursor, sizes: MutableMapping[str, int]) -> Mapping[str, Any]:
        del sizes
        return {self.name: cursor.take(max(cursor.left, self.least), self.name)}

    def write(self, value: object) -> bytes:
        return bytes(getattr(value, self.name))


@dataclass(frozen=True, slots=True)
class Nested:
    """Everything up to the end, as values of another codec."""

    name: str
    decode: Callable[[bytes], Any]
    encode: Callable[[Any], bytes]

    def read(self, cursor: Cursor, sizes: MutableMapping[str, int]) -> Mapping[str, Any]:
        del sizes
        return {self.name: self.decode(cursor.take(cursor.left, self.name))}

    def write(self, value: object) -> bytes:
        return self.encode(getattr(value, self.name))


class Layout:
    """The fields of a structure in the order of the wire. Octets behind the last field are `Malformed`."""

    __slots__ = ("_plain", "fields")

    def __init__(self, *fields: Field) -> None:
        self.fields = fields
        self._plain = fields[0].name if len(fields) == 1 and fields[0] == Rest(fields[0].name) else None

    def decode(self, octets: bytes) -> dict[str, Any]:
        """The values by name, ready to be keywords of the structure's class."""
        if self._plain is not None:
            return {self._plain: octets}
        cursor, sizes, values = Cursor(octets), dict[str, int](), dict[str, Any]()
        for field in self.fields:
            values.update(field.read(cursor, sizes))
        if cursor.left:
            raise Malformed(f"{cursor.left} octets too many behind {self.fields[-1].name}")
        return values

    def encode(self, value: object) -> bytes:
        """`ValueError` when a value does not fit its field."""
        return b"".join([field.write(value) for field in self.fields])


def _encode_number(number: int, octets: int, name: str) -> bytes:
    if not 0 <= number < 1 << 8 * octets:
        raise ValueError(f"{name} {number} does not fit in {octets} octets")
    return int(number).to_bytes(octets, "big")
