"""Text to tokens with their places: words, quoted strings and the four marks `; { } ,`; comments go here, and so does a
lone `=` and parentheses, over which racoon reads: pfSense writes `=` before values, FreeBSD's handbook `( )` around the
ends of a sainfo."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from enum import Enum

from lotor.config.problem import Location, Problem
from lotor.model.frozen import frozen

_TOKEN = re.compile(
    r"""(?P<blank>[ \t\r\f\v()]+) | (?P<comment>\#.*) | (?P<mark>[;{},]) |
        (?P<string>"[^"]*") | (?P<open>".*) | (?P<word>[^ \t\r\f\v;{},"\#()]+)""",
    re.VERBOSE,
)
_WORD = re.compile(r"\w+")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]")


class Kind(Enum):
    WORD = "word"
    STRING = "string"
    MARK = "mark"


@frozen
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


def tokens(text: str, path: str, problems: list[Problem], secret: frozenset[str] = frozenset()) -> Iterator[Token]:
    """The tokens of a file in order. Strings end on their line; octets that are no text are a problem. A line in which
    one of the words `secret` stands, or in which such a statement goes on, is never shown: it may hold a password."""
    beside = False
    for number, line in enumerate(text.split("\n"), start=1):
        shown = "" if beside or secret.intersection(_WORD.findall(line)) else line
        for token in _line(line, Location(path, number, 1, shown), problems):
            ends = token.kind is Kind.MARK and token.text != ","
            beside = not ends and (beside or token.text in secret)
            yield token


def _line(line: str, start: Location, problems: list[Problem]) -> Iterator[Token]:
    for match in _TOKEN.finditer(line):
        group = match.lastgroup or ""
        if group in {"blank", "comment"} or match.group() == "=":
            continue
        at = replace(start, column=match.start() + 1)
        word = match.group()
        spoilt = _CONTROL.search(word)
        if spoilt:
            here = replace(at, column=at.column + spoilt.start())
            problems.append(Problem.at(here, "this is no text: a configuration is UTF-8 without control characters"))
            word = _CONTROL.sub("?", word)  # whoever reads the word may encode it
        if group == "open":
            at = replace(at, source_line=at.source_line[: match.start() + 1])  # what follows may be a password
            problems.append(Problem.at(at, 'this string is not closed: it needs a second " on the same line'))
            yield from _open(word.rstrip(), at)
        else:
            yield _token(group, word, at)


def _open(text: str, at: Location) -> Iterator[Token]:
    """A string without its closing quote. A semicolon at the end of the line counts as the end of the statement."""
    closed = text.removesuffix(";")
    yield Token(Kind.STRING, closed[1:], at, len(closed))
    if closed != text:
        yield Token(Kind.MARK, ";", replace(at, column=at.column + len(closed)), 1)


def _token(group: str, text: str, at: Location) -> Token:
    if group == "string":
        return Token(Kind.STRING, text[1:-1], at, len(text))
    return Token(Kind.MARK if group == "mark" else Kind.WORD, text, at, len(text))
