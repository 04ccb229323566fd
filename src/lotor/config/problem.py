"""Problems of a configuration file and their places: values, and how a person sees them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field

from lotor.model.frozen import frozen
from lotor.model.text import clean

LONGEST_LINE = 120
"""Columns of a source line that are shown around the caret."""


@frozen
class Location:
    """A place in a file: line and column count from 1, columns in characters."""

    path: str
    line: int
    column: int
    source_line: str = field(default="", compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


NOWHERE = Location("(default)", 1, 1)
"""The place of what no file says."""


@frozen
class Places:
    """The places of the directives of a block. `of(field)` is the block's head for a directive that was not written."""

    head: Location = NOWHERE
    fields: Mapping[str, Location] = field(default_factory=dict, compare=False, repr=False)

    def of(self, name: str) -> Location:
        return self.fields.get(name, self.head)


@frozen
class Problem:
    """One mistake or one warning: what is wrong, and what would be right."""

    path: str
    line: int
    column: int
    text: str
    source_line: str = ""

    @classmethod
    def at(cls, location: Location, text: str) -> Problem:
        return cls(location.path, location.line, location.column, text, location.source_line)


class ConfigError(Exception):
    """Everything that is wrong with a configuration, in the order of the text; at least one `Problem`."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(render(problem) for problem in self.problems))


def render(problem: Problem, severity: str = "") -> str:
    """`FILE:LINE:COLUMN: [severity: ]text`, then the source line and a caret under the column."""
    label = f"{severity}: " if severity else ""
    told = f"{clean(problem.path)}:{problem.line}:{problem.column}: {label}{clean(problem.text)}"
    if not problem.source_line.strip():
        return told
    shown, caret = _window(problem.source_line, problem.column - 1)
    return f"{told}\n    {clean(shown)}\n    {' ' * caret}^"


def _window(line: str, column: int) -> tuple[str, int]:
    """The part of a long line around a column, and the column in that part; tabs become one blank."""
    if len(line) <= LONGEST_LINE:
        return line, column
    start = max(0, min(column - LONGEST_LINE // 2, len(line) - LONGEST_LINE))
    return line[start : start + LONGEST_LINE], column - start
