"""From a file, or a text, to settings: reads, lets the tables judge, and fills in what blocks inherit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lotor.config.advice import advice
from lotor.config.blocks import Statement
from lotor.config.inherit import remotes
from lotor.config.interpret import Body, Interpreter
from lotor.config.problem import ConfigError, Location, Problem
from lotor.config.settings import Loaded, Settings
from lotor.config.source import Files
from lotor.config.tables.root import PATH_ROWS, ROOT
from lotor.config.words import Mistake, Reading, Words

SYSTEM_DIRECTORY = Path("/etc/lotor")


def load(path: Path) -> Loaded:
    """Read a configuration file and what it includes. Raises `ConfigError` with every mistake that is in it."""
    files = Files(Reading(path.absolute().parent))
    return _load(files, str(path), files.main(path))


def loads(text: str, name: str = "racoon.conf", directory: Path | None = None) -> Loaded:
    """The same for a text; `directory` is where relative names start (None: the system's configuration directory)."""
    files = Files(Reading(directory or SYSTEM_DIRECTORY))
    return _load(files, name, files.text(text, name))


def _load(files: Files, name: str, statements: list[Statement]) -> Loaded:
    reading = files.reading
    _prefixes(reading, statements)
    body = Body(ROOT, Location(name, 1, 1))
    interpreter = Interpreter(ROOT, reading)
    interpreter.fill(body, statements)
    written = body.values.pop("remotes", ())
    built = remotes(written, interpreter, reading)
    if reading.problems:
        raise ConfigError(_in_order(reading.problems, files.order))
    settings: Settings = body.whole()
    settings = replace(settings, remotes=built(), reservations=tuple(reading.reservations))
    warnings = [*reading.warnings, *advice(settings.remotes)]
    return Loaded(settings, tuple(_in_order(warnings, files.order)))


def _prefixes(reading: Reading, statements: list[Statement]) -> None:
    """Learn the `path` lines first, so that they count wherever they stand; mistakes in them are told later."""
    quiet = Reading(reading.directory)
    for statement in statements:
        head = [token.text for token in statement.words[:2]]
        if len(statement.words) < 3 or head[0] != "path" or head[1] not in PATH_ROWS:
            continue
        try:
            file = PATH_ROWS[head[1]].argument.read(Words(statement.words[:2], statement.words[2:], quiet))
        except Mistake:
            continue
        reading.prefixes.setdefault(head[1], file)


def _in_order(problems: list[Problem], order: dict[str, int]) -> list[Problem]:
    """File by file as they were read, each from top to bottom."""
    return sorted(problems, key=lambda problem: (order.get(problem.path, -1), problem.line, problem.column))
