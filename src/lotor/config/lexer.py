"""Text to tokens with their places: words, quoted strings and the four marks `; { } ,`; comments go here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from lotor.config.problem import Location, Problem

_TOKEN = re.compile(
    r"""(?P<blank>[ \t\r\f\v]+) | (?P<comment>\#.*) | (?P<mark>[;{},]) |
        (?P<string>"[^"]*") | (?P<open>".*) | (?P<word>[^ \t\r\f\v;{},"\#]+)""",
    re.VERBOSE,
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]")


class Kind(Enum):
    WORD = "word"
    STRING = "string"
    MARK = "mark"


@dataclass(frozen=True, slots=True)
class Token:
    """`text` of a string is without its quotes; `width` is what it takes in the line."""

    kind: Kind
    text: str
    at: Location
    width: int

    @property
    def after(self) -> Location:
        """The place right behind the token, where something that is missing should stand."""
        return Location(self.at.path, self.at.line, self.at.column + self.width, self.at.source_line)

    def __str__(self) -> str:
        return f'"{shorten(self.text)}"'


def shorten(text: str, longest: int = 40) -> str:
    """A word from the file as an error message shows it."""
    return text if len(text) <= longest else text[:longest] + "…"


def tokens(text: str, path: str, problems: list[Problem]) -> Iterator[Token]:
    """The tokens of a file in order. Strings end on their line; octets that are no text are a problem each line."""
    for number, line in enumerate(text.split("\n"), start=1):
        yield from _line(line, path, number, problems)


def _line(line: str, path: str, number: int, problems: list[Problem]) -> Iterator[Token]:
    for match in _TOKEN.finditer(line):
        group = match.lastgroup or ""
        if group in {"blank", "comment"}:
            continue
        at = Location(path, number, match.start() + 1, line)
        spoilt = _CONTROL.search(match.group())
        if spoilt:
            here = Location(path, number, match.start() + spoilt.start() + 1, line)
            problems.append(
                Problem.at(here, "this octet is no text: a configuration is UTF-8 without control characters")
            )
            return
        if group == "open":
            at = Location(path, number, match.start() + 1, line[: match.start() + 1])  # what follows may be a password
            problems.append(Problem.at(at, 'this string is not closed: it needs a second " on the same line'))
        yield _token(group, match.group(), at)


def _token(group: str, text: str, at: Location) -> Token:
    if group in {"string", "open"}:
        return Token(Kind.STRING, text.strip('"') if group == "string" else text[1:], at, len(text))
    return Token(Kind.MARK if group == "mark" else Kind.WORD, text, at, len(text))
