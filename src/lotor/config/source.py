"""Files to statements: opens and decodes files, and puts included files in the place of `include`."""

from __future__ import annotations

import glob
import os
import stat
from dataclasses import replace
from itertools import islice
from pathlib import Path

from lotor.config.blocks import Statement, pieces, statements
from lotor.config.interpret import secret_words
from lotor.config.lexer import Token, tokens
from lotor.config.problem import ConfigError, Location, Problem
from lotor.config.tables.root import INCLUDE, INCLUDED, ROOT
from lotor.config.words import Mistake, Reading, Words, place
from lotor.files.places import changeable, ourselves

LARGEST_FILE = 1 << 20
DEEPEST = 10
SECRET = frozenset(secret_words(ROOT))
MOST_FILES = 256


class Files:
    """The files of one run. `order` tells when each was opened first. `judged`: root runs programs that they name, so
    nobody else may be able to change them."""

    def __init__(self, reading: Reading, *, judged: bool = False) -> None:
        self.reading = reading
        self._judged = judged
        self.order: dict[str, int] = {}

    def main(self, path: Path) -> list[Statement]:
        """The statements of the main file. Raises `ConfigError` when it cannot be read, or says nothing at all: then an
        editor or a full disk has lost it, and a gateway that reloads it would let nobody in any more."""
        try:
            text = read_text(path, judged=self._judged)
        except OSError as error:
            raise ConfigError([Problem(str(path), 1, 1, f"cannot be read: {error.strerror}")]) from None
        found = self.text(text, str(path), (os.path.realpath(path),))
        if not found and not self.reading.problems:
            raise ConfigError([Problem(str(path), 1, 1, "the file says nothing: is it the right one, and whole?")])
        return found

    def text(self, text: str, name: str, above: tuple[str, ...] = ()) -> list[Statement]:
        """The statements of a text, with those of included files in place; `above` are the files that led here."""
        self.order.setdefault(name, len(self.order))
        names = ROOT.names()
        found: list[Statement] = []
        problems = self.reading.problems
        for whole in statements(tokens(text, name, problems, SECRET), problems):
            for statement in pieces(whole, names):
                found += self._expanded(statement, above)
        return found

    def _expanded(self, statement: Statement, above: tuple[str, ...]) -> list[Statement]:
        self._learn(statement.words)
        if not statement.words or statement.words[0].text != INCLUDE.name or statement.block is not None:
            return [statement]
        words = Words(statement.words[:1], statement.words[1:], self.reading)
        try:
            token = words.quoted(INCLUDED)
            if words.rest():
                return [statement]
            return [statement, *self._included(words, token, above)]
        except Mistake as mistake:
            self.reading.wrong(mistake.at, mistake.text)
            return []

    def _learn(self, words: list[Token]) -> None:
        """`path include` counts for the lines behind it."""
        if [token.text for token in words[:2]] == ["path", "include"] and len(words) == 3:
            quiet = Words(words[:2], words[2:], Reading(self.reading.directory))
            try:
                self.reading.prefixes["include"] = place(quiet, "", quiet.quoted("a directory"))
            except Mistake:
                return

    def _included(self, words: Words, token: Token, above: tuple[str, ...]) -> list[Statement]:
        if len(above) >= DEEPEST:
            raise Mistake(token.at, f"include goes more than {DEEPEST} files deep here: does a file include itself?")
        pattern = str(place(words, "include", _at_home(token)).path)
        names = sorted(islice(glob.iglob(pattern), MOST_FILES + 1))  # noqa: PTH207 - pathlib globs no absolute pattern
        if not names:
            self.reading.warn(token.at, f"no file fits {token}: looked for {pattern}")
        if len(names) + len(self.order) > MOST_FILES:
            raise Mistake(token.at, f"too many files: {MOST_FILES} at most can be included")
        return [statement for name in names for statement in self._file(name, token.at, above)]

    def _file(self, name: str, at: Location, above: tuple[str, ...]) -> list[Statement]:
        real = os.path.realpath(name)
        if real in above:
            self.reading.wrong(at, f"{name} would include itself: take one of the two include lines out")
            return []
        try:
            return self.text(read_text(Path(name), judged=self._judged), name, (*above, real))
        except OSError as error:
            self.reading.wrong(at, f"{name} cannot be read: {error.strerror}")
            return []


def _at_home(token: Token) -> Token:
    """The token with a leading ~ or ~user replaced; unchanged for a user that is not there."""
    try:
        return replace(token, text=str(Path(token.text).expanduser())) if token.text.startswith("~") else token
    except RuntimeError:
        return token


def read_text(path: Path, *, judged: bool = False) -> str:
    """A regular file of a sensible size; octets that are not UTF-8 become surrogates. Raises `OSError`."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a FIFO must not stop us
    except ValueError:
        raise OSError(0, "this is no name of a file") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "it is not a regular file")
        if judged and (told := changeable(path, status, ourselves())):
            raise OSError(0, told)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read(LARGEST_FILE + 1)
    finally:
        os.close(descriptor)
    if len(data) > LARGEST_FILE:
        raise OSError(0, f"it is larger than {LARGEST_FILE} octets")
    return data.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
