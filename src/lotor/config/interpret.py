"""Statements to values: finds the row of each statement, reads its words, and collects problems. No directive is named
here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Any

from lotor.config.arguments import ListOf
from lotor.config.blocks import Statement, pieces
from lotor.config.directive import MANDATORY, Block, Directive, Row, Use
from lotor.config.lexer import Kind, Token
from lotor.config.problem import Location
from lotor.config.settings import Places
from lotor.config.words import Mistake, Reading, Words, suggestion


@dataclass(slots=True)
class Body:
    """One block as written: field to value and field to place. `tried` also holds fields that could not be read."""

    block: Block
    head: Location
    header: dict[str, Any] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    places: dict[str, Location] = field(default_factory=dict)
    tried: set[str] = field(default_factory=set)

    def whole(self) -> Any:
        """The settings of the block and of those within it; only when nothing was wrong."""
        return self.block.complete(self.header, finished(self.values), Places(self.head, self.places))


def finished(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values in which blocks became settings."""
    return {key: _finished(value) for key, value in values.items()}


def _finished(value: Any) -> Any:
    if isinstance(value, Body):
        return value.whole()
    if isinstance(value, tuple) and value and isinstance(value[0], Body):
        return tuple(body.whole() for body in value)
    return value


class Interpreter:
    """Reads blocks against their tables. `root` is the table of the file itself."""

    def __init__(self, root: Block, reading: Reading) -> None:
        self._root = root
        self._reading = reading

    def fill(self, body: Body, statements: Sequence[Statement]) -> Body:
        """Reads the statements of a block into its body."""
        names = body.block.names()
        for statement in statements:
            for piece in pieces(statement, names):
                self._statement(body, piece)
        return body

    def require(self, body: Body, inherited: frozenset[str] = frozenset()) -> None:
        """Reports mandatory directives that are missing, at the head of the block."""
        for row in body.block.rows:
            if row.default is MANDATORY and row.key not in body.tried | inherited:
                self._reading.wrong(body.head, f"this {body.block.name} block misses {row.name}: add {example(row)}")

    def _statement(self, body: Body, statement: Statement) -> None:
        words = statement.words
        while words:
            row, head = self._find(body.block, words)
            if row is None:
                self._unknown(body.block, words[0])
                words = []
            elif isinstance(row, Block):
                self._block(body, row, words, statement)
                return
            else:
                words = self._directive(body, row, (words[:head], words[head:]), statement)
        if statement.block is not None and statement.words:
            self._no_block(body.block, statement)

    def _no_block(self, block: Block, statement: Statement) -> None:
        row, _ = self._find(block, statement.words)
        if row is not None:
            at = statement.words[-1].after
            self._reading.wrong(at, f"{row.name} takes no block in braces: end it with a ;")

    @staticmethod
    def _find(block: Block, words: Sequence[Token]) -> tuple[Row | None, int]:
        """The row of a statement, and how many words its name has."""
        if words[0].kind is not Kind.WORD:
            return None, 0
        two = " ".join(token.text for token in words[:2])
        for row in block.rows:
            if row.name == two and len(words) > 1:
                return row, 2
            if row.name == words[0].text or (isinstance(row, Directive) and words[0].text in row.aliases):
                return row, 1
        return None, 0

    def _unknown(self, block: Block, token: Token) -> None:
        where = f"in a {block.name} block" if block is not self._root else "at the top level"
        second = sorted(row.name for row in block.rows if row.name.startswith(f"{token.text} "))
        if second:
            hint = f": write {' or '.join(second)}"
        elif token.text in self._root.names():
            hint = ", it belongs to the top level: is a } missing before it?"
        else:
            hint = self._home(token.text) or suggestion(token.text, block.names())
        self._reading.wrong(token.at, f"{token} is not a directive {where}{hint}")

    def _home(self, name: str) -> str:
        homes = [path for path, block in blocks_in(self._root) if name in block.names() and path]
        return f": it belongs into {homes[0]} {{ }}" if homes else ""

    def _directive(
        self, body: Body, row: Directive, split: tuple[Sequence[Token], Sequence[Token]], statement: Statement
    ) -> list[Token]:
        """Reads one directive. Words that are left belong to the next one, whose semicolon is missing."""
        head, rest = split
        words = Words(head, rest, self._reading)
        body.tried.add(row.key)
        try:
            value = self._read(row, head[0], words)
        except Mistake as mistake:
            hides = row.secret and not mistake.tells
            hidden = f"{row.name} cannot be read: write {row.argument.syntax()};" if hides else ""
            for each in (mistake, *mistake.more):
                self._reading.wrong(each.at, hidden or each.text)
            self._surplus(body, row, words)
            return []
        left = words.rest()
        if left and left[0].text not in body.block.names():
            self._surplus(body, row, words, at_least=1)
            return []
        if left or statement.unterminated:
            self._reading.wrong(words.behind, "missing ;" if row.secret else f"missing ; after {words.last}")
        self._store(body, row, value, head[0])
        return left

    def _surplus(self, body: Body, row: Directive, words: Words, at_least: int = 0) -> None:
        """Reports words behind the value. In a list without commas each may be a word that is misspelt."""
        loose = isinstance(row.argument, ListOf) and row.argument.loose
        surplus = list(takewhile(lambda token: token.text not in body.block.names(), words.rest()))
        for token in surplus if loose else surplus[:at_least]:
            self._too_much(row, words, token)

    def _read(self, row: Directive, head: Token, words: Words) -> Any:
        if row.use is Use.REFUSED:
            raise Mistake(head.at, f"{words.name} is refused: {row.note}")
        return row.argument.read(words)

    def _too_much(self, row: Directive, words: Words, token: Token) -> None:
        hint = suggestion(token.text, (word for word, _ in row.argument.remarks()))
        if not hint and token.at.line > words.behind.line:
            hint = "; is a ; missing at the end of the line before?"
        syntax = f"{words.name} {row.argument.syntax()}".strip()
        token = replace(token, text="…") if row.secret else token
        self._reading.wrong(token.at, f"{token} is too much here: write {syntax};{hint}")

    def _store(self, body: Body, row: Directive, value: Any, head: Token) -> None:
        if row.use is Use.NO_EFFECT and value != row.quiet:
            self._reading.warn_once(row.name, head.at, f"{row.name} has no effect in lotor: {row.note}")
        if row.use is Use.LATER and value != row.quiet:
            text = f"{row.name} has no effect in this version: {row.note}"
            self._reading.warn_once(row.name, head.at, text)
        if row.repeatable:
            self._extend(body, row, value, head)
        elif row.key in body.values:
            first = body.places[row.key]
            self._reading.warn(head.at, f"{row.name} is given twice: this one counts, the one at {first} does not")
        if not row.repeatable:
            body.values[row.key] = value
            body.places[row.key] = head.at

    def _extend(self, body: Body, row: Directive, value: Any, head: Token) -> None:
        gathered = body.values.get(row.key, ())
        gathered += value if isinstance(value, tuple) else (value,)
        if row.most and len(gathered) > row.most:
            text = f"{row.name} takes at most {row.most} in all, these are {len(gathered)}"
            self._reading.wrong(head.at, text)
        body.values[row.key] = gathered
        body.places.setdefault(row.key, head.at)

    def _block(self, body: Body, row: Block, words: Sequence[Token], statement: Statement) -> None:
        head = words[0]
        body.tried.add(row.key)
        if row.use is Use.NO_EFFECT or row.use is Use.LATER:
            self._reading.warn_once(row.name, head.at, f"{row.name} has no effect in this version: {row.note}")
        header = self._header(row, words)
        if statement.block is None and not (row.inherits and header and header.get("inherit")):
            self._reading.wrong(words[-1].after, f"{row.name} wants a block in braces here")
            return
        inner = self._inner(body, row, head)
        inner.header.update(header or {})
        inside = statement.block or []
        self.fill(inner, [_hidden(piece) for piece in inside] if row.secret else inside)
        if not row.inherits and row.repeatable:
            self.require(inner)
        body.places.setdefault(row.key, head.at)

    def _header(self, row: Block, words: Sequence[Token]) -> dict[str, Any] | None:
        """The fields that stand before the brace; None when they cannot be read."""
        cursor = Words(words[:1], words[1:], self._reading)
        try:
            value = row.header.read(cursor)
        except Mistake as mistake:
            self._reading.wrong(mistake.at, mistake.text)
            return None
        if cursor.rest():
            token = cursor.rest()[0]
            syntax = f"{row.name} {row.header.syntax()}".strip()
            self._reading.wrong(token.at, f"{token} is too much here: write {syntax} {{")
        return value if isinstance(value, dict) else {}

    @staticmethod
    def _inner(body: Body, row: Block, head: Token) -> Body:
        """A body of its own, or the one that an earlier block of the name began."""
        if row.repeatable:
            inner = Body(row, head.at)
            body.values[row.key] = (*body.values.get(row.key, ()), inner)
            return inner
        found = body.values.setdefault(row.key, Body(row, head.at))
        return found if isinstance(found, Body) else Body(row, head.at)


def _hidden(statement: Statement) -> Statement:
    """The statement with places that show no line of the file."""
    words = [replace(token, at=replace(token.at, source_line="")) for token in statement.words]
    block = None if statement.block is None else [_hidden(inner) for inner in statement.block]
    return Statement(words, block, statement.unterminated)


def blocks_in(block: Block, path: str = "") -> list[tuple[str, Block]]:
    """The block and those within it, by their path of names."""
    found = [(path, block)]
    for row in block.rows:
        if isinstance(row, Block):
            found += blocks_in(row, f"{path} {row.name}".strip())
    return found


def secret_words(block: Block) -> set[str]:
    """The names of blocks and directives that may have a password beside them."""
    rows = [row for _, inner in blocks_in(block) for row in inner.rows]
    return {row.name for row in rows if row.secret}


def example(row: Row) -> str:
    """How a missing row could be written."""
    if isinstance(row, Block):
        return f"{row.name} {{ … }}"
    return f"{row.name} {row.argument.syntax()};"
