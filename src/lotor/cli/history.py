"""`lotor history`: the sessions of the past, read from the gateway's store."""

from __future__ import annotations

import csv
import json
import re
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lotor.cli import locate
from lotor.cli.columns import fitted
from lotor.cli.past_rows import COLUMNS, cell, row, told
from lotor.cli.terminal import Style, columns, say
from lotor.daemon.exits import Exit, StartError
from lotor.model.quantity import quantity

if TYPE_CHECKING:
    from lotor.store.sessions import Session, Wanted

SHOWN = 200
"""Sessions in a table, where nobody says how many."""
SPANS = {"m": 60, "h": 3600, "d": 86400}


class Moment(click.ParamType[float]):
    """A date, a date with a time, or how long ago: seconds since 1970."""

    name = "moment"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        ago = re.fullmatch(r"([0-9]{1,6})([mhd])", str(value))
        if ago is not None:
            return time.time() - int(ago[1]) * SPANS[ago[2]]
        try:
            return datetime.fromisoformat(str(value)).astimezone().timestamp()
        except (ValueError, OverflowError):
            self.fail(f"{value} is no moment: write it like 2026-11-30, 2026-11-30T08:15 or 12h (ago)", param, ctx)


@click.command()
@click.option("--user", default="", help="Only the sessions of this login.")
@click.option("--since", type=Moment(), help="Sessions that were up then or later, like 2026-11-30T08:15 or 12h.")
@click.option("--until", type=Moment(), help="Sessions that had begun by then.")
@click.option("--ike", type=click.Choice(("1", "2")), help="Only the sessions by this version of IKE.")
@click.option("--last", type=click.IntRange(1), help=f"The last so many; a table has {SHOWN} unless you say more.")
@click.option("--csv", "as_csv", is_flag=True, help="All of it as CSV, with a line of names first.")
@click.option("--json", "as_json", is_flag=True, help="All of it, a line of JSON for each session.")
@click.option("--all", "everywhere", is_flag=True, help="Those of all gateways of the fleet.")
@click.option("-f", "--file", type=click.Path(path_type=Path), help="Configuration that names the store.")
def history(*, as_csv: bool, as_json: bool, file: Path | None, **options: object) -> None:
    """Show the sessions of the past: who, from where, when, how much, and why it ended. Only root can read them, also
    while no daemon runs. With --all CSV and JSON have the newest first."""
    from lotor.store.sessions import MOST, Wanted

    if as_csv and as_json:
        raise click.UsageError("give --csv or --json, not both")
    last = options["last"] or (MOST if as_csv or as_json else SHOWN)
    if not isinstance(last, int):
        raise click.UsageError("--last is no number")
    ike = int(str(options["ike"])) if options["ike"] else None
    wanted = Wanted(str(options["user"]), _number(options["since"]), _number(options["until"]), last, ike)
    if options["everywhere"]:
        from lotor.cli.fleet_past import between, show

        meant = between(wanted.user, wanted.since, wanted.until, ike)
        show(locate.configuration(file), meant, last, as_csv=as_csv, as_json=as_json)
        return
    found = past(_store(locate.configuration(file)), wanted)
    if as_csv:
        _write_csv(found)
    elif as_json:
        for each in found:
            click.echo(json.dumps(told(each), ensure_ascii=False))
    else:
        _show(list(found))


def _number(value: object) -> float | None:
    return value if isinstance(value, float) else None


def _store(path: Path) -> Path:
    """The file that the configuration names. Raises `StartError`."""
    from lotor.config import ConfigError, load, render
    from lotor.config.tables.root import DEFAULT_STORE

    if not path.exists():
        return DEFAULT_STORE.path
    try:
        store = load(path).settings.store
    except ConfigError as error:
        raise StartError("\n".join(render(each) for each in error.problems), Exit.CONFIGURATION) from error
    if store is None:
        raise StartError(f"{path} says store none: no session of the past is kept")
    return store.path


def past(file: Path, wanted: Wanted) -> Iterator[Session]:
    """Raises `StartError`."""
    import sqlite3

    from lotor.store import StoreFault
    from lotor.store.faults import fault_of
    from lotor.store.opening import read
    from lotor.store.sessions import find, unread

    try:
        connection = read(file)
    except StoreFault as fault:
        raise StartError(fault.strerror or str(fault)) from fault
    try:
        yield from find(connection, wanted)
        if garbled := unread(connection):
            click.echo(f"{quantity(garbled, 'row')} of {file} cannot be read", err=True)
    except sqlite3.Error as error:
        broken = fault_of(error, file)
        raise StartError(broken.strerror or str(broken)) from error
    finally:
        connection.close()


def _write_csv(found: Iterator[Session]) -> None:
    """Nothing is written where the first session cannot be read."""
    from dataclasses import fields

    from lotor.store.sessions import Session

    first = list(islice(found, 1))
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow([each.name for each in fields(Session)])
    for session in chain(first, found):
        table.writerow([cell(value) for value in told(session).values()])


def _show(found: list[Session]) -> None:
    if not found:
        click.echo("no session is known")
        return
    head, *lines = fitted(COLUMNS, [row(each) for each in found], columns())
    say(head, Style.HEAD)
    for each in lines:
        click.echo(each)
