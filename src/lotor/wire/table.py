"""What the native codec is told of a version: its payloads, made of their declarations, and the rules of its chains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lotor.model.frozen import frozen
from lotor.wire.fields import Layout, Row


@frozen
class Kind:
    """A payload by its class. `numbers`: the types that it has, each with the fields that follow from the type. `rows`
    None: Python reads and writes it."""

    kind: type
    numbers: list[tuple[int, dict[str, object]]]
    rows: list[Row] | None

    @classmethod
    def of(cls, kind: type, layout: Layout, numbers: Mapping[int, Mapping[str, object]]) -> Kind:
        rows = layout.rows()
        given = [(int(number), dict(constants)) for number, constants in numbers.items()]
        return cls(kind, given, None if rows is None else list(rows))


@frozen
class Table:
    """`unknown`: what every other type is; it has its type as `payload_type`. `received`: the class of a payload as it
    came, and `parts` its fields, of type, body, value, start, end, critical and first. `most`: payloads in one chain.
    `single`: types of which a chain has one at most; `last`: those that end it; `foreign`: those that it never has.
    `decode` reads the payloads whose rows are None, and `encode` writes them."""

    kinds: list[Kind]
    unknown: Kind
    received: type
    parts: list[str]
    most: int
    single: list[int]
    last: list[int]
    foreign: list[int]
    decode: Callable[[int, bytes], Any]
    encode: Callable[[Any], bytes]
