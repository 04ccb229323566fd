"""From a file, or a text, to settings: reads it, interprets it by the tables, and resolves inheritance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from lotor.config import sainfos
from lotor.config.advice import advice
from lotor.config.blocks import Statement
from lotor.config.check import Checked, check
from lotor.config.draft import Draft
from lotor.config.inherit import heirs
from lotor.config.interpret import Body, Interpreter
from lotor.config.problem import ConfigError, Location, Problem
from lotor.config.settings import Loaded, Settings
from lotor.config.source import Files
from lotor.config.tables.root import PATH_ROWS, ROOT
from lotor.config.words import Mistake, Reading, Words
from lotor.model.frozen import frozen

SYSTEM_DIRECTORY = Path("/etc/lotor")


def load(path: Path) -> Loaded:
    """Reads a configuration file and what it includes. Raises `ConfigError` with every mistake in its text."""
    files = Files(Reading(path.absolute().parent))
    return _settled(files, _draft(files, str(path), files.main(path)))


def loads(text: str, name: str = "racoon.conf", directory: Path | None = None) -> Loaded:
    """The same for a text; `directory` is where relative names start (None: the system's configuration directory)."""
    files = Files(Reading(directory or SYSTEM_DIRECTORY))
    return _settled(files, _draft(files, name, files.text(text, name)))


def examine(path: Path) -> Examined:
    """Reads a file and reports everything that is wrong with its text, its blocks and the files that it names."""
    files = Files(Reading(path.absolute().parent), judged=True)
    try:
        draft = _draft(files, str(path), files.main(path))
    except ConfigError as error:
        return Examined(error.problems, files.order)
    if draft.reading.problems:
        problems = (*draft.reading.problems, *draft.beside())
        return Examined(problems, files.order, None, _beside(problems, draft.reading.warnings, files.order))
    loaded = _loaded(files, draft)
    checked = check(loaded.settings)
    return Examined(checked.problems, files.order, checked, _beside(checked.problems, loaded.warnings, files.order))


def _beside(problems: Iterable[Problem], warnings: Iterable[Problem], order: Mapping[str, int]) -> tuple[Problem, ...]:
    """The warnings, but for places of which worse is told."""
    places = {(each.path, each.line, each.column) for each in problems}
    return tuple(_in_order([each for each in warnings if (each.path, each.line, each.column) not in places], order))


@frozen
class Examined:
    """`checked` None: something is wrong with the text itself. `order` of the files, by their names."""

    problems: tuple[Problem, ...]
    order: Mapping[str, int]
    checked: Checked | None = None
    warnings: tuple[Problem, ...] = ()

    def sorted(self, more: Iterable[Problem] = ()) -> list[Problem]:
        """File by file as they were read, each from top to bottom."""
        return _in_order([*self.problems, *more], self.order)


def _draft(files: Files, name: str, statements: list[Statement]) -> Draft:
    reading = files.reading
    _prefixes(reading, statements)
    body = Body(ROOT, Location(name, 1, 1))
    interpreter = Interpreter(ROOT, reading)
    interpreter.fill(body, statements)
    return Draft(body, heirs(body.values.pop("remotes", ()), interpreter, reading), statements, reading)


def _settled(files: Files, draft: Draft) -> Loaded:
    if draft.reading.problems:
        raise ConfigError(_in_order(draft.reading.problems, files.order))
    return _loaded(files, draft)


def _loaded(files: Files, draft: Draft) -> Loaded:
    """Only when nothing was wrong."""
    settings: Settings = draft.body.whole()
    remotes = tuple(heir.settings() for heir in draft.heirs)
    settings = replace(settings, remotes=remotes, reservations=tuple(draft.reading.reservations))
    if settings.remotes and not settings.sainfos:
        text = f"there is no sainfo block: the tunnel carries {sainfos.USUAL}"
        draft.reading.warn(settings.places.head, text)
        settings = replace(settings, sainfos=(sainfos.usual(),))
    return Loaded(settings, tuple(_in_order([*draft.reading.warnings, *advice(settings)], files.order)))


def _prefixes(reading: Reading, statements: list[Statement]) -> None:
    """Reads the `path` lines first, so that they count wherever they stand. Mistakes in them are reported later."""
    quiet = Reading(reading.directory)
    for statement in statements:
        head = [token.text for token in statement.words[:2]]
        if len(statement.words) < 3 or head[0] != "path" or head[1] not in PATH_ROWS:
            continue
        try:
            file = PATH_ROWS[head[1]].argument.read(Words(statement.words[:2], statement.words[2:], quiet))
        except Mistake:
            reading.lost.add(head[1])
            continue
        reading.prefixes[head[1]] = file


def _in_order(problems: Iterable[Problem], order: Mapping[str, int]) -> list[Problem]:
    return sorted(problems, key=lambda problem: (order.get(problem.path, -1), problem.line, problem.column))
