"""A row of the directive tables: a directive or a block, declared once for the parser, errors, defaults and
reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from lotor.config.arguments import Argument, Flag
from lotor.config.settings import Places


class Use(Enum):
    """Whether the daemon carries a directive out."""

    WORKS = "works"
    NO_EFFECT = "no effect"
    LATER = "not available in this version"
    EXTENSION = "lotor only"
    REFUSED = "refused"


class Missing(Enum):
    """The absence of a default."""

    MANDATORY = "mandatory"


MANDATORY = Missing.MANDATORY


@dataclass(frozen=True)
class Directive:
    """One simple statement. The field of the settings is `field`, or `name` when that is empty. `default` is the value
    in settings, `default_text` its text in the reference where the value does not show itself. `note` says why a
    directive has no effect, is refused, or what it needs; `differs`: how racoon does it. `quiet`: the value that asks
    for nothing, and so deserves no warning although the directive has no effect. `most`: the values that a repeatable
    directive may have. `secret`: messages show none of its words; `tells`: its value hides by itself what is secret."""

    name: str
    argument: Argument
    meaning: str
    default: Any = None
    field: str = ""
    default_text: str = ""
    repeatable: bool = False
    use: Use = Use.WORKS
    note: str = ""
    differs: str = ""
    quiet: Any = None
    most: int = 0
    secret: bool = False
    tells: bool = False
    aliases: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return self.field or self.name.rpartition(" ")[2]


@dataclass(frozen=True)
class Block:
    """A statement with braces. `header` reads what stands before the brace, as field to value. `make` builds the
    settings from the fields of header and rows, and `places`. `repeatable`: each block is a value of its own; otherwise
    later blocks of the name continue the first. `always`: its defaults apply when it is not written. `inherits`: it may
    name a parent, and then have no braces. `secret`: messages about it show no line of the file."""

    name: str
    rows: tuple[Directive | Block, ...]
    meaning: str
    make: Callable[..., Any]
    header: Argument = Flag()  # noqa: RUF009 - frozen and without state
    field: str = ""
    repeatable: bool = False
    always: bool = False
    inherits: bool = False
    mandatory: bool = False
    secret: bool = False
    use: Use = Use.WORKS
    note: str = ""
    differs: str = ""

    @property
    def key(self) -> str:
        return self.field or self.name

    @property
    def default(self) -> Any:
        if self.mandatory:
            return MANDATORY
        if self.always:
            return self.complete({}, {}, Places())
        return () if self.repeatable else None

    def names(self) -> set[str]:
        """First words of the statements that may stand in it."""
        found = {row.name.partition(" ")[0] for row in self.rows}
        return found.union(*(row.aliases for row in self.rows if isinstance(row, Directive)))

    def defaults(self) -> dict[str, Any]:
        """Field to value for everything that may be left out."""
        working = [row for row in self.rows if row.use is not Use.REFUSED]
        return {row.key: row.default for row in working if row.default is not MANDATORY}

    def complete(self, header: Mapping[str, Any], given: Mapping[str, Any], places: Places) -> Any:
        """The settings: what was given over the defaults."""
        return self.make(**{**self.defaults(), **header, **given}, places=places)


Row = Directive | Block
