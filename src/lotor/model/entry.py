"""A line of the log as values: what programs read of it beside the sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

from lotor.model.text import clean

Value: TypeAlias = str | int | float | bool

RECORD_KEY = "entry"
"""The attribute of a record of the standard library that makes its `Entry`, where it is of an event."""


class Entry(NamedTuple):
    """`event`: its public name. `fields`: by name, text of a peer cleaned; those that many events have are `session`,
    `user`, `source` (the peer's outer address) and `port`. Nothing secret is among them."""

    event: str
    fields: Mapping[str, Value]


Making: TypeAlias = Callable[[], Entry]
"""Only who writes fields asks for them."""


def field(value: object) -> Value:
    """Numbers stay what they are; everything else becomes clean text."""
    return value if isinstance(value, int | float) else clean(str(value))
