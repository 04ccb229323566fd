"""Values of declared types as octets and back, for two processes that do not trust each other.

The annotations of frozen dataclasses are the declaration; types that are not among these have no form. Nothing names a
type in what is sent: the reader knows which one it wants. Every length is checked against what is there.
"""

from __future__ import annotations

import struct
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from lotor.model.reason import Reason
from lotor.model.reasons.catalogue import CLASSES
from lotor.model.reasons.local import LocalReason
from lotor.model.secret import Secret

_LENGTH, _NUMBER, _TAG = struct.Struct("!I"), struct.Struct("!q"), struct.Struct("!B")
MOST_ITEMS = 256
"""Of a tuple: an item may be smaller in octets than in memory."""


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
        return self.take(self.number(_LENGTH))

    def demand_end(self) -> None:
        if self._at != len(self._octets):
            raise Malformed(f"{len(self._octets) - self._at} octets too many")


@dataclass(frozen=True, slots=True)
class Form:
    """How one type is written and read. `fits` tells the members of a union apart."""

    fits: Callable[[Any], bool]
    write: Callable[[Any], bytes]
    read: Callable[[Reader], Any]


def encode(kind: object, value: object) -> bytes:
    """`TypeError` for a value of another type: that is a mistake of the program."""
    form = form_of(kind)
    if not form.fits(value):
        raise TypeError(f"{type(value).__name__} where {kind} is declared")
    return form.write(value)


def decode(kind: object, octets: bytes) -> Any:
    """Raises `Malformed`; nothing may be left over."""
    reader = Reader(octets)
    value = form_of(kind).read(reader)
    reader.demand_end()
    return value


@lru_cache(maxsize=256)
def form_of(kind: Any) -> Form:
    """`TypeError` for a type that has no form: found when verbs are declared."""
    if kind in _PLAIN or kind is Reason:
        return _reason() if kind is Reason else _PLAIN[kind]
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return _union(typing.get_args(kind))
    if typing.get_origin(kind) is tuple and typing.get_args(kind)[1:] == (...,):
        return _many(form_of(typing.get_args(kind)[0]))
    if typing.get_origin(kind) is tuple:
        return _row(tuple(map(form_of, typing.get_args(kind))))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _member(kind)
    if isinstance(kind, type) and is_dataclass(kind):
        return _record(kind)
    raise TypeError(f"{kind} has no form between two processes")


def _sized(octets: bytes) -> bytes:
    return _LENGTH.pack(len(octets)) + octets


def _text(reader: Reader) -> str:
    try:
        return reader.sized().decode()
    except UnicodeDecodeError:
        raise Malformed("a text is no UTF-8") from None


def _truth(reader: Reader) -> bool:
    if (octet := reader.number(_TAG)) not in (0, 1):
        raise Malformed("neither yes nor no")
    return bool(octet)


def _union(members: tuple[object, ...]) -> Form:
    forms = [form_of(member) for member in members]

    def write(value: object) -> bytes:
        tag = next(tag for tag, form in enumerate(forms) if form.fits(value))
        return _TAG.pack(tag) + forms[tag].write(value)

    def read(reader: Reader) -> object:
        if (tag := reader.number(_TAG)) >= len(forms):
            raise Malformed(f"there are {len(forms)} kinds, this is number {tag}")
        return forms[tag].read(reader)

    return Form(lambda value: any(form.fits(value) for form in forms), write, read)


def _many(item: Form) -> Form:
    def fits(value: object) -> bool:
        return isinstance(value, tuple) and len(value) <= MOST_ITEMS and all(map(item.fits, value))

    def read(reader: Reader) -> tuple[object, ...]:
        if (count := reader.number(_LENGTH)) > MOST_ITEMS:
            raise Malformed(f"{count} items; {MOST_ITEMS} may be")
        return tuple(item.read(reader) for _ in range(count))

    return Form(fits, lambda value: _LENGTH.pack(len(value)) + b"".join(map(item.write, value)), read)


def _row(items: tuple[Form, ...]) -> Form:
    """A tuple of so many members, each of its own type."""

    def fits(value: object) -> bool:
        return isinstance(value, tuple) and len(value) == len(items) and all(map(_fits, items, value))

    return Form(
        fits,
        lambda value: b"".join(item.write(each) for item, each in zip(items, value, strict=True)),
        lambda reader: tuple(item.read(reader) for item in items),
    )


def _fits(form: Form, value: object) -> bool:
    return form.fits(value)


def _member(kind: type[Enum]) -> Form:
    """By its place: both ends are one program."""
    members = list(kind)

    def read(reader: Reader) -> Enum:
        if (place := reader.number(_TAG)) >= len(members):
            raise Malformed(f"there is no {kind.__name__} number {place}")
        return members[place]

    return Form(lambda value: type(value) is kind, lambda value: _TAG.pack(members.index(value)), read)


def _record(kind: type) -> Form:
    hints = typing.get_type_hints(kind)
    forms = {field.name: form_of(hints[field.name]) for field in fields(kind)}

    def fits(value: object) -> bool:
        return type(value) is kind and all(form.fits(getattr(value, name)) for name, form in forms.items())

    def write(value: object) -> bytes:
        return b"".join(form.write(getattr(value, name)) for name, form in forms.items())

    def read(reader: Reader) -> object:
        found = {name: form.read(reader) for name, form in forms.items()}
        try:
            return kind(**found)
        except ValueError:
            raise Malformed(f"these values make no {kind.__name__}") from None

    return Form(fits, write, read)


def _reason() -> Form:
    """What one process could not do, by the name of its kind: others do not cross."""
    forms = {each.kind.value: _record(each) for each in CLASSES.values() if issubclass(each, LocalReason)}

    def fits(value: object) -> bool:
        return isinstance(value, LocalReason) and forms[value.kind.value].fits(value)

    def write(value: Any) -> bytes:
        return _sized(value.kind.value.encode()) + forms[value.kind.value].write(value)

    def read(reader: Reader) -> object:
        if (name := _text(reader)) not in forms:
            raise Malformed("there is no such kind of reason")
        return forms[name].read(reader)

    return Form(fits, write, read)


def _is(kind: type) -> Callable[[object], bool]:
    return lambda value: type(value) is kind


_PLAIN: dict[object, Form] = {
    type(None): Form(lambda value: value is None, lambda _: b"", lambda _: None),
    bool: Form(_is(bool), _TAG.pack, _truth),
    int: Form(
        lambda value: isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63,
        _NUMBER.pack,
        lambda reader: reader.number(_NUMBER),
    ),
    bytes: Form(_is(bytes), _sized, Reader.sized),
    str: Form(_is(str), lambda value: _sized(value.encode()), _text),
    Secret: Form(_is(Secret), lambda value: _sized(value.reveal()), lambda reader: Secret(reader.sized())),
    IPv4Address: Form(_is(IPv4Address), lambda value: value.packed, lambda reader: IPv4Address(reader.take(4))),
    IPv6Address: Form(
        lambda value: type(value) is IPv6Address and value.scope_id is None,
        lambda value: value.packed,
        lambda reader: IPv6Address(reader.take(16)),
    ),
}
