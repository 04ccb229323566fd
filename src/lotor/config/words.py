"""A cursor over the words of one statement, and the problems that reading them finds."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path, PurePath

from lotor.config.lexer import Kind, Token, shorten
from lotor.config.problem import Location, Problem
from lotor.config.settings import FileName

CREDENTIALS, CREDENTIALS_OF_SERVICE = "${CREDENTIALS_DIRECTORY}", "/run/credentials/lotor.service"
"""What stands for the directory of credentials that systemd makes for a service, and where it is while the gateway's
service runs: commands that a person types are not told."""
MOST_PROBLEMS = 100
"""Problems reported in one run; a file that is no configuration at all has thousands."""
MOST_COMPARED = 256
"""Known names that a wrong one is compared with, letter by letter."""


class Mistake(Exception):  # noqa: N818 - it is what the person did, and never leaves this room
    """A statement cannot be read. The reader of the block turns it into a `Problem` and goes on. `more`: what else is
    wrong with the statement. `tells`: the text has no word of a statement that is secret."""

    def __init__(self, at: Location, text: str, more: Sequence[Mistake] = (), *, tells: bool = False) -> None:
        super().__init__(text)
        self.at = at
        self.text = text
        self.more = more
        self.tells = tells


@dataclass(slots=True)
class Reading:
    """What one run collects. `prefixes`: the `path` directives by kind, `lost` the kinds that could not be read;
    `directory`: where other relative names start."""

    directory: Path
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    reservations: list[Problem] = field(default_factory=list)
    prefixes: dict[str, FileName] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    told: set[str] = field(default_factory=set)

    @property
    def full(self) -> bool:
        """Whether what else is wrong goes untold."""
        return len(self.problems) >= MOST_PROBLEMS

    def wrong(self, at: Location, text: str) -> None:
        if not self.full:
            self.problems.append(Problem.at(at, text))

    def warn(self, at: Location, text: str) -> None:
        self.warnings.append(Problem.at(at, text))

    def warn_once(self, key: str, at: Location, text: str) -> None:
        if key not in self.told:
            self.told.add(key)
            self.warn(at, text)


class Words:
    """A cursor. `name` is the directive as messages call it."""

    def __init__(self, head: Sequence[Token], words: Sequence[Token], reading: Reading) -> None:
        self.name = " ".join(token.text for token in head)
        self.reading = reading
        self._last = head[-1]
        self._words = list(words)

    @property
    def at(self) -> Location:
        """The place of the next word, or behind the last one."""
        return self._words[0].at if self._words else self._last.after

    @property
    def last(self) -> Token:
        """The token that was read last."""
        return self._last

    @property
    def behind(self) -> Location:
        return self._last.after

    def peek(self) -> Token | None:
        return self._words[0] if self._words else None

    def rest(self) -> list[Token]:
        return self._words

    def take(self, wanted: str) -> Token:
        """The next token, of any kind. `wanted` says what is missing when there is none."""
        if not self._words:
            raise Mistake(self._last.after, f"{self.name} wants {wanted}")
        self._last = self._words.pop(0)
        return self._last

    def bare(self, wanted: str) -> Token:
        """The next token, which must be a word without quotes."""
        token = self.take(wanted)
        if token.kind is Kind.WORD:
            return token
        if token.kind is Kind.STRING:
            raise Mistake(token.at, f"{token} is in quotes: {self.name} wants {wanted}, without quotes")
        raise Mistake(token.at, f"a {token.text} is too much here: {self.name} wants {wanted}")

    def quoted(self, wanted: str) -> Token:
        """The next token, which must be a string in quotes."""
        token = self.take(wanted)
        if token.kind is Kind.STRING:
            return token
        if token.kind is Kind.MARK:
            raise Mistake(token.at, f"a {token.text} is too much here: {self.name} wants {wanted}")
        raise Mistake(token.at, f'write {token} in quotes: {self.name} wants {wanted}, like "{shorten(token.text)}"')

    def unquote(self) -> None:
        """The next string counts as a word."""
        if self._words and self._words[0].text:
            self._words[0] = replace(self._words[0], kind=Kind.WORD)

    def joined(self, wanted: str) -> Token:
        """The next word with what may stand apart from it: a port in brackets, a prefix length."""
        first = self.bare(wanted)
        text, last = first.text, first
        while self._words and self._words[0].kind is Kind.WORD and self._words[0].text[0] in "[/":
            last = self.take(wanted)
            text += last.text
        width = last.after.column - first.at.column if last.at.line == first.at.line else first.width
        return Token(Kind.WORD, text, first.at, width)

    def comma(self) -> bool:
        """Whether a comma comes next; it is taken."""
        if self._words and self._words[0].kind is Kind.MARK:
            self.take("")
            return True
        return False

    def skip(self) -> None:
        """Leaves one word out if a comma comes behind it: what belongs to a word that could not be read."""
        if len(self._words) > 1 and self._words[0].kind is not Kind.MARK and self._words[1].kind is Kind.MARK:
            self.take("")

    def reserve(self, at: Location, text: str) -> None:
        """What parses, and is refused when the whole file is checked."""
        self.reading.reservations.append(Problem.at(at, text))


def place(words: Words, prefix: str, token: Token) -> FileName:
    """The file that a name means: absolute, or under `path PREFIX`, or under the directory of the configuration, or
    under the directory of credentials that a service manager made."""
    name = token.text
    if not name:
        raise Mistake(token.at, f"an empty name: {words.name} wants the name of a file")
    if name.partition("/")[0] == CREDENTIALS:
        return FileName(name, Path(_credentials() + name.removeprefix(CREDENTIALS)), token.at)
    base = words.reading.prefixes.get(prefix)
    root = base.path if base else words.reading.directory
    if not name.startswith("/") and _climbs(name):
        raise Mistake(token.at, f"{token} leads out of {root} by ..: write the whole path if you mean that file")
    return FileName(name, root / name, token.at)


def _credentials() -> str:
    found = os.environ.get("CREDENTIALS_DIRECTORY", "")
    return found if found.startswith("/") else CREDENTIALS_OF_SERVICE


def _climbs(name: str) -> bool:
    depth = 0
    for part in PurePath(name).parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            return True
    return False


def suggestion(word: str, known: Iterable[str]) -> str:
    """The nearest known names as the end of a message; empty when nothing is near."""
    near = difflib.get_close_matches(word[:40], sorted(set(islice(known, MOST_COMPARED))), n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(near)}?" if near else ""
