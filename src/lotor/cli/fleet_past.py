"""`lotor history --all`: the sessions of the past of all gateways of a fleet, asked for page by page."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import json
import sys
from collections.abc import AsyncGenerator, Iterator
from dataclasses import fields, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

import click

from lotor.cli.columns import Column, fitted
from lotor.cli.past_rows import COLUMNS, cell, row, told
from lotor.cli.terminal import Style, columns, say
from lotor.config.settings import Settings
from lotor.confinement.identity import unprivileged
from lotor.daemon.exits import Exit, StartError
from lotor.model.text import clean
from lotor.ports.fleet import Past, Wanted
from lotor.privsep.asking import Asker, Refused
from lotor.privsep.codec import encode
from lotor.privsep.far_fleet import FarFleet
from lotor.privsep.frames import Ended, Frame, Kind, send
from lotor.privsep.verb import Verb
from lotor.store import sessions as store
from lotor.warden.spawning import Program, interpreter

ALONE = 'this gateway stands alone: store "postgresql://…" makes it one of a fleet (docs/fleet.md)'

DAY = 86_400


def between(user: str, since: float | None, until: float | None, ike: int | None) -> Wanted:
    """The sessions of a user (empty: of everybody) that were up then, by this version (None: any)."""
    return Wanted(user, since, until, ike=ike)


def show(file: Path, wanted: Wanted, last: int, *, as_csv: bool, as_json: bool) -> None:
    """Raises `StartError`."""
    found = read(_settings(file), wanted, last)
    if as_csv:
        first = list(islice(found, 1))  # nothing is written where it cannot be read
        table = csv.writer(sys.stdout, lineterminator="\n")
        table.writerow(["gateway", *(each.name for each in fields(store.Session))])
        for past in chain(first, found):
            table.writerow([cell(value) for value in _told(past).values()])
    elif as_json:
        for past in found:
            click.echo(json.dumps(_told(past), ensure_ascii=False))
    else:
        _draw([*found][::-1])


def everybody(file: Path, user: str, last: int) -> Iterator[store.Session]:
    """The last so many sessions of a user (empty: of everybody), the newest first. Raises `StartError`."""
    return map(_session, read(_settings(file), Wanted(user), last))


def _draw(found: list[Past]) -> None:
    if not found:
        click.echo("no session is known")
        return
    rows = [[each.present.gateway, *row(_session(each))] for each in found]
    head, *lines = fitted((Column("gateway", 7, 3), *COLUMNS), rows, columns())
    say(head, Style.HEAD)
    for each in lines:
        click.echo(each)


def _told(past: Past) -> dict[str, object]:
    return {"gateway": past.present.gateway, **told(_session(past))}


def _session(past: Past) -> store.Session:
    shown = past.present
    who = (shown.id, shown.user, shown.source, shown.inside, shown.client)
    octets = (shown.octets_in, shown.octets_out, past.packets_in, past.packets_out)
    how = store.Session(*who, _moment(shown.since), _ended(past), past.seconds, *octets, past.why, past.ike, past.suite)
    return replace(how, resumed=past.resumed, machine=past.machine)


def _ended(past: Past) -> float | None:
    return None if past.ended is None else _moment(past.ended)


def _moment(seconds: float) -> float:
    """One that has a date, in every time zone."""
    return min(max(seconds, 0.0), float(store.LAST - DAY))


def _settings(file: Path) -> Settings:
    """Raises `StartError`."""
    from lotor.config import ConfigError, load, render

    try:
        return load(file).settings
    except ConfigError as error:
        raise StartError("\n".join(render(each) for each in error.problems), Exit.CONFIGURATION) from error


def read(settings: Settings, wanted: Wanted, last: int) -> Iterator[Past]:
    """The newest first, so many. Raises `StartError`."""
    from lotor.backends.reading import MODULE, Reading

    if settings.fleet is None:
        raise StartError(ALONE)
    try:
        reading = Reading(unprivileged(settings.privsep).word, settings.fleet)
    except LookupError as error:
        raise StartError(str(error), Exit.CONFIGURATION) from error
    left = last
    with contextlib.closing(Program(interpreter(MODULE))) as program, asyncio.Runner() as runner:
        pages = _pages(program, encode(Reading, reading), wanted)
        try:
            while left > 0 and (page := runner.run(_next(pages))) is not None:
                yield from map(_cleaned, page[:left])
                left -= len(page)
        except OSError as error:
            raise StartError(error.strerror or str(error), Exit.LOCAL_FAULT) from error
        finally:
            runner.run(pages.aclose())


async def _next(pages: AsyncGenerator[tuple[Past, ...], None]) -> tuple[Past, ...] | None:
    return await anext(pages, None)


async def _pages(program: Program, reading: bytes, wanted: Wanted) -> AsyncGenerator[tuple[Past, ...], None]:
    """Raises `OSError`."""
    started = program.take()
    try:
        send(started.line, Frame(Kind.REQUEST, 0, 0, reading))
        asker = Asker(started.line, lambda _: None, "reader of the database")
        fleet = FarFleet(_Ask(asker))
        following: int | None = None
        while True:
            page = await fleet.past(replace(wanted, before=following))
            yield page.sessions
            if page.before is None or (following is not None and page.before >= following):
                return
            following = page.before
    finally:
        started.abandon()


class _Ask:
    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    async def __call__(self, verb: Verb[Any, Any], request: Any) -> Any:
        try:
            return (await self._asker.ask(verb, request)).value
        except Refused as error:
            raise OSError(None, f"{error}: it broke") from error
        except Ended as error:
            raise OSError(None, "the process that reads the database ended: its last lines say why") from error


def _cleaned(past: Past) -> Past:
    """What a database has is anybody's word, and goes to root's terminal."""
    shown = past.present
    return replace(
        past,
        present=replace(
            shown,
            gateway=clean(shown.gateway),
            id=clean(shown.id),
            user=clean(shown.user),
            source=clean(shown.source),
            inside=clean(shown.inside),
            client=clean(shown.client),
        ),
        why=clean(past.why),
        suite=clean(past.suite),
        machine=clean(past.machine),
    )
