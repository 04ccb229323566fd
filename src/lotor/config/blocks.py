"""Tokens to statements: words that end at `;`, or words with a block of statements in braces. No directive is known
here.

A syntax error becomes a problem at its place, and reading goes on behind it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from lotor.config.lexer import Kind, Token
from lotor.config.problem import Location, Problem

DEEPEST = 4
"""Braces within braces; racoon.conf itself needs two levels."""


@dataclass(slots=True)
class Statement:
    """Words (with commas among them), and the statements of its block; `block` None: it has none. `unterminated`: its
    semicolon is missing, which is reported where the directive is known."""

    words: list[Token]
    block: list[Statement] | None = None
    unterminated: bool = False


@dataclass(slots=True)
class _Reader:
    """The open braces, outermost first. The first is the file itself."""

    problems: list[Problem]
    open: list[list[Statement]]
    braces: list[Location] = field(default_factory=list)
    words: list[Token] = field(default_factory=list)
    skipped: int = 0

    def tell(self, at: Location, text: str) -> None:
        self.problems.append(Problem.at(at, text))


def statements(tokens: Iterable[Token], problems: list[Problem]) -> list[Statement]:
    """The statements of a file. Empty ones (a stray `;`) are left out."""
    reader = _Reader(problems, [[]])
    marks = {";": _end, "{": _open, "}": _close}
    for token in tokens:
        mark = marks.get(token.text) if token.kind is Kind.MARK else None
        if mark is None:
            reader.words.append(token)
        else:
            mark(reader, token)
    _finish(reader)
    return reader.open[0]


def _end(reader: _Reader, token: Token) -> None:
    del token
    if reader.words and not reader.skipped:
        reader.open[-1].append(Statement(reader.words))
    reader.words = []


def _open(reader: _Reader, token: Token) -> None:
    if reader.skipped or len(reader.open) > DEEPEST:
        if not reader.skipped:
            reader.tell(token.at, f"blocks nest more than {DEEPEST} deep here: is a }} missing before?")
        reader.skipped += 1
    else:
        if not reader.words:
            reader.tell(token.at, "this block has no name: write what it is before the {")
        block: list[Statement] = []
        reader.open[-1].append(Statement(reader.words, block))
        reader.open.append(block)
        reader.braces.append(token.at)
    reader.words = []


def _close(reader: _Reader, token: Token) -> None:
    _unfinished(reader)
    if reader.skipped:
        reader.skipped -= 1
    elif reader.braces:
        reader.open.pop()
        reader.braces.pop()
    else:
        reader.tell(token.at, "there is no open block that this } could close")


def pieces(statement: Statement, names: set[str]) -> list[Statement]:
    """One statement, or several where a semicolon is missing before a directive that begins a line."""
    words = statement.words
    cuts = [i for i in range(1, len(words)) if _begins(words[i - 1], words[i], names)]
    edges = [0, *cuts, len(words)]
    found = [Statement(words[start:end], unterminated=True) for start, end in pairwise(edges)]
    found[-1].block, found[-1].unterminated = statement.block, statement.unterminated
    return found


def _begins(before: Token, token: Token, names: set[str]) -> bool:
    return token.kind is Kind.WORD and token.text in names and token.at.line > before.at.line


def _unfinished(reader: _Reader) -> None:
    """Words without their semicolon, taken as if it were there."""
    if reader.words and not reader.skipped:
        reader.open[-1].append(Statement(reader.words, unterminated=True))
    reader.words = []


def _finish(reader: _Reader) -> None:
    _unfinished(reader)
    for brace in reader.braces:
        reader.tell(brace, "this block is never closed: a } is missing")
