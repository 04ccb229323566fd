"""Values as octets and back, for two processes that do not trust each other.

The annotations of a class say how its values are written: field by field, in the order of the declaration; a field that
has its default is left out. A type for which this module has no form is refused; a test makes the forms of all verbs.
The octets name no type: the verb tells the reader which type is due. Every length is compared with what is left of the
message.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import lru_cache
from typing import Any

from lotor.model.declared import Declared
from lotor.model.reason import Reason
from lotor.model.reasons import local
from lotor.model.reasons.catalogue import CLASSES
from lotor.model.reasons.logins import LoginReason
from lotor.privsep.octets import LENGTH, TAG, Form, Malformed, Reader, sized, unfit
from lotor.privsep.plain import PLAIN, text

__all__ = ["MOST_ITEMS", "Form", "Malformed", "Reader", "decode", "encode", "form_of"]

MOST_ITEMS = 256
"""Of a tuple, a set or a mapping: an item may be smaller in octets than in memory."""
CROSSING: Mapping[Any, tuple[type[Reason], ...]] = {
    Reason: tuple(each for each in CLASSES.values() if each.__module__ == local.__name__),
    LoginReason: tuple(each for each in CLASSES.values() if issubclass(each, LoginReason)),
}
"""Reasons that a warden gives, by what is declared: what it could not do, and why it refused a login."""


def encode(kind: object, value: object, most_items: int = MOST_ITEMS) -> bytes:
    """`TypeError` for a value of another type: that is a mistake of the program."""
    return form_of(kind, most_items).write(value)


def decode(kind: object, octets: bytes, most_items: int = MOST_ITEMS) -> Any:
    """Raises `Malformed`, also where octets are left over."""
    reader = Reader(octets)
    value = form_of(kind, most_items).read(reader)
    reader.demand_end()
    return value


@lru_cache(maxsize=1024)
def form_of(kind: Any, most_items: int = MOST_ITEMS) -> Form:
    """`TypeError` for a type that has no form: no verb has one. `most_items`: for what a daemon reads
    that its warden wrote, more than `MOST_ITEMS` may be."""
    if kind in PLAIN:
        return PLAIN[kind]
    if kind in CROSSING:
        return _reason(CROSSING[kind])
    if (origin := typing.get_origin(kind)) is typing.Literal:
        return _choice(typing.get_args(kind))
    if origin is not None:
        return _composed(kind, origin, most_items)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _member(kind)
    if isinstance(kind, type) and is_dataclass(kind):
        return _record(kind, {}, most_items)
    raise TypeError(f"{kind} has no form between two processes")


def _composed(kind: Any, origin: Any, most_items: int) -> Form:
    """A generic type, such as `tuple[int, ...]`."""
    arguments = typing.get_args(kind)
    if isinstance(origin, type) and is_dataclass(origin):
        return _record(origin, dict(zip(_parameters(origin), arguments, strict=True)), most_items)
    if origin in (typing.Union, types.UnionType):
        return _union([form_of(each, most_items) for each in sorted(arguments, key=_rank)])
    if origin is tuple and arguments[1:] == (...,):
        return _many(form_of(arguments[0], most_items), most_items)
    forms = tuple(form_of(each, most_items) for each in arguments)
    if origin is tuple:
        return _row(forms)
    if origin is frozenset:
        return _set(forms[0], most_items)
    if origin is Mapping:
        return _table(_row(forms), most_items)
    raise TypeError(f"{kind} has no form between two processes")


def _rank(member: Any) -> tuple[bool, str]:
    """Two unions are equal in any order, so that the order of one declaration may stand for another. A number that has
    a name is that name before it is a number."""
    return not (isinstance(member, type) and issubclass(member, Enum)), repr(member)


def _parameters(kind: Any) -> tuple[Any, ...]:
    return tuple(kind.__parameters__)


def _union(forms: list[Form]) -> Form:
    tags_of, tags_of_others = _candidates(forms)

    def tag_of(value: object) -> int:
        tags = tags_of.get(type(value), tags_of_others)
        if len(tags) == 1:
            return tags[0]
        return next((tag for tag in tags if forms[tag].fits(value)), -1)

    def write(value: object) -> bytes:
        if (tag := tag_of(value)) < 0:
            raise unfit(value, "another type")
        return TAG.pack(tag) + forms[tag].write(value)

    def read(reader: Reader) -> object:
        if (tag := reader.tag()) >= len(forms):
            raise Malformed(f"there are {len(forms)} kinds, this is number {tag}")
        value = forms[tag].read(reader)
        if tag_of(value) != tag:
            raise Malformed("a value of another kind than it says")
        return value

    kinds = None if any(form.kinds is None for form in forms) else tuple(tags_of)
    return Form(lambda value: any(form.fits(value) for form in forms), write, read, kinds)


def _candidates(forms: list[Form]) -> tuple[dict[type, list[int]], list[int]]:
    """Which members of a union a value of a class may be, by their tags; and one of a class that is not there."""
    others = [tag for tag, form in enumerate(forms) if form.kinds is None]
    listed: dict[type, list[int]] = {}
    for tag, form in enumerate(forms):
        for kind in form.kinds or ():
            listed.setdefault(kind, []).append(tag)
    return {kind: sorted((*tags, *others)) for kind, tags in listed.items()}, others


def _choice(words: tuple[str, ...]) -> Form:
    """One of the words of a `Literal`, written as its place among them."""
    places = {word: TAG.pack(place) for place, word in enumerate(words)}

    def fits(value: object) -> bool:
        return type(value) is str and value in places

    def write(value: object) -> bytes:
        if type(value) is str and (written := places.get(value)) is not None:
            return written
        raise unfit(value, words)

    def read(reader: Reader) -> object:
        if (place := reader.tag()) >= len(words):
            raise Malformed(f"there are {len(words)} choices, this is number {place}")
        return words[place]

    return Form(fits, write, read, (str,))


def _many(item: Form, most: int) -> Form:
    def fits(value: object) -> bool:
        return isinstance(value, tuple) and len(value) <= most and all(map(item.fits, value))

    def write(value: object) -> bytes:
        if not isinstance(value, tuple) or len(value) > most:
            raise unfit(value, "a tuple")
        return _counted(map(item.write, value)) if value else _NOTHING

    return Form(fits, write, lambda reader: tuple(_items(item, reader, most)))


_NOTHING = LENGTH.pack(0)


def _counted(items: Iterable[bytes]) -> bytes:
    written = list(items)
    return LENGTH.pack(len(written)) + b"".join(written)


def _items(item: Form, reader: Reader, most: int) -> list[Any]:
    if (count := reader.number(LENGTH)) > most:
        raise Malformed(f"{count} items; {most} may be")
    return [item.read(reader) for _ in range(count)]


def _set(item: Form, most: int) -> Form:
    """In the order of what is written."""

    def fits(value: object) -> bool:
        return isinstance(value, frozenset) and len(value) <= most and all(map(item.fits, value))

    def read(reader: Reader) -> frozenset[Any]:
        items = _items(item, reader, most)
        written, found = list(map(item.write, items)), frozenset(items)
        if written != sorted(written) or len(found) != len(items):
            raise Malformed("a set is out of order, or has something twice")
        return found

    def write(value: object) -> bytes:
        if not isinstance(value, frozenset) or len(value) > most:
            raise unfit(value, "a set")
        return _counted(sorted(map(item.write, value)))

    return Form(fits, write, read)


def _table(row: Form, most: int) -> Form:
    """The rows of a mapping, in its own order."""

    def fits(value: object) -> bool:
        return isinstance(value, Mapping) and len(value) <= most and all(map(row.fits, value.items()))

    def read(reader: Reader) -> dict[Any, Any]:
        items = _items(row, reader, most)
        if len(found := dict(items)) != len(items):
            raise Malformed("a mapping has a key twice")
        return found

    def write(value: object) -> bytes:
        if not isinstance(value, Mapping) or len(value) > most:
            raise unfit(value, "a mapping")
        return _counted(map(row.write, value.items()))

    return Form(fits, write, read)


def _row(items: tuple[Form, ...]) -> Form:
    """A tuple of so many members, each of its own type."""

    def fits(value: object) -> bool:
        return isinstance(value, tuple) and len(value) == len(items) and all(map(_fits, items, value))

    def write(value: object) -> bytes:
        if not isinstance(value, tuple) or len(value) != len(items):
            raise unfit(value, "a tuple")
        return b"".join([item.write(each) for item, each in zip(items, value, strict=True)])

    return Form(fits, write, lambda reader: tuple([item.read(reader) for item in items]))


def _fits(form: Form, value: object) -> bool:
    return form.fits(value)


def _member(kind: type[Enum]) -> Form:
    """By its place: both ends are one program."""
    members = list(kind)
    places = {id(member): TAG.pack(place) for place, member in enumerate(members)}

    def write(value: object) -> bytes:
        if (written := places.get(id(value))) is None:
            raise unfit(value, kind)
        return written

    def read(reader: Reader) -> Enum:
        if (place := reader.tag()) >= len(members):
            raise Malformed(f"there is no {kind.__name__} number {place}")
        return members[place]

    return Form(lambda value: type(value) is kind, write, read, (kind,))


def _record(kind: type, arguments: Mapping[Any, Any], most_items: int) -> Form:
    """`arguments`: what stands for the type variables of a generic dataclass. A number in front has a bit for each
    field with a default: whether the field is here."""
    hints = {name: _filled(hint, arguments) for name, hint in typing.get_type_hints(kind).items()}
    forms = {name: form_of(hints[name], most_items) for name in _names(kind)}
    parts, octets = _parts(forms, _usual(kind, forms))
    known = sum(1 for part in parts if part[2])

    def fits(value: object) -> bool:
        return type(value) is kind and all(form.fits(getattr(value, name)) for name, form in forms.items())

    def write(value: object) -> bytes:
        if type(value) is not kind:
            raise unfit(value, kind)
        return _written(value, parts, octets)

    def read(reader: Reader) -> object:
        here = int.from_bytes(reader.take(octets), "big") if octets else 0
        if here >> known:
            raise Malformed(f"a {kind.__name__} has no such field")
        found = _found(reader, parts, here, kind.__name__)
        try:
            return kind(*found)
        except ValueError:
            raise Malformed(f"these values make no {kind.__name__}") from None

    return Form(fits, write, read, (kind,))


_Part = tuple[str, Form, int, Any, bytes]
"""A field: its name and form; where it has a default its bit, and the default as a value and in octets."""


def _parts(forms: Mapping[str, Form], usual: Mapping[str, tuple[Any, bytes]]) -> tuple[list[_Part], int]:
    """The fields, and how many octets their bits take."""
    bits = {name: 1 << place for place, name in enumerate(usual)}
    parts = [(name, form, bits.get(name, 0), *usual.get(name, (None, b""))) for name, form in forms.items()]
    return parts, (len(usual) + 7) // 8


def _written(value: object, parts: list[_Part], octets: int) -> bytes:
    here, written = 0, []
    for name, form, bit, default, as_default in parts:
        each = getattr(value, name)
        if bit and each is default:
            continue
        own = form.write(each)
        if bit and own == as_default:
            continue
        here |= bit
        written.append(own)
    return here.to_bytes(octets, "big") + b"".join(written)


def _found(reader: Reader, parts: list[_Part], here: int, name: str) -> list[Any]:
    found = []
    for _, form, bit, default, as_default in parts:
        if bit and not here & bit:
            found.append(default)
            continue
        at = reader.at
        found.append(form.read(reader))
        if bit and reader.since(at) == as_default:
            raise Malformed(f"a {name} says what goes without saying")
    return found


def _usual(kind: Any, forms: Mapping[str, Form]) -> dict[str, tuple[Any, bytes]]:
    """The fields that have a default which nobody can change, with it and how it is written."""
    if issubclass(kind, Declared):
        given = {name: getattr(kind, name) for name in forms if hasattr(kind, name)}
    else:
        given = {field.name: field.default for field in fields(kind) if field.default is not MISSING}
    return {name: (value, forms[name].write(value)) for name, value in given.items()}


def _names(kind: Any) -> tuple[str, ...]:
    if issubclass(kind, Declared):
        return tuple(kind.declared)
    if not all(field.init and not field.kw_only for field in fields(kind)):
        raise TypeError(f"{kind} has fields that nobody may give it, or by name only")
    return tuple(field.name for field in fields(kind))


def _filled(hint: Any, arguments: Mapping[Any, Any]) -> Any:
    if isinstance(hint, typing.TypeVar):
        return arguments.get(hint, hint)
    inner = getattr(hint, "__parameters__", ())
    return hint[tuple(arguments.get(each, each) for each in inner)] if inner else hint


def _reason(family: tuple[type[Reason], ...]) -> Form:
    """By the name of its kind: those of other families do not cross."""
    forms = {each.kind.value: _record(each, {}, MOST_ITEMS) for each in family}

    def fits(value: object) -> bool:
        return isinstance(value, Reason) and type(value) in family and forms[value.kind.value].fits(value)

    def write(value: object) -> bytes:
        if not isinstance(value, Reason) or type(value) not in family:
            raise unfit(value, "a reason that crosses")
        return sized(value.kind.value.encode()) + forms[value.kind.value].write(value)

    def read(reader: Reader) -> object:
        if (name := text(reader)) not in forms:
            raise Malformed("there is no such kind of reason")
        return forms[name].read(reader)

    return Form(fits, write, read, family)
