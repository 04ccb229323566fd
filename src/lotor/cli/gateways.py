"""`lotor status --all` and what a logout came to: all gateways of a fleet, on 80 columns or as JSON."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, cast

import click

from lotor.cli.calling import look, refusal
from lotor.cli.columns import Column, fitted
from lotor.cli.quantities import UNKNOWN, brief, duration, since
from lotor.cli.terminal import Style, columns, say
from lotor.control.messages import Everywhere, Gateways
from lotor.daemon.exits import Exit
from lotor.model.quantity import quantity

if TYPE_CHECKING:
    from lotor.control.views import FleetView, GatewayView, LogoutView, PresentView

GATEWAYS = (
    Column("gateway", 8, 0),
    Column("state", 6, 1),
    Column("heard of", 8, 2),
    Column("sessions", 8, 1, right=True),
)
SESSIONS = (
    Column("user", 8, 0),
    Column("gateway", 7, 1),
    Column("from", 9, 4),
    Column("address", 9, 2),
    Column("since", 6, 3),
    Column("in", 5, 5, right=True),
    Column("out", 5, 5, right=True),
    Column("client", 6, 6),
)
SEEN_LATELY = 2.0
"""Seconds."""


def show(context: click.Context, options: dict[str, object]) -> None:
    """Ends with `LOCAL_FAULT` where the database does not tell of the others."""
    if options["watch"] or options["verbose"] or options["sort"]:
        raise click.UsageError("--all goes with --json, and with nothing else")
    with look(context, options) as daemon:
        daemon.send(Gateways(str(options["subject"])))
        response = daemon.receive()
    if not isinstance(response, Everywhere):
        raise refusal(response)
    view = cast("FleetView", response.report)
    if options["as_json"]:
        click.echo(json.dumps(view, indent=2))
    else:
        _draw(view)
    if view["fault"]:
        context.exit(Exit.LOCAL_FAULT)


def _draw(view: FleetView) -> None:
    width = columns()
    if view["fault"]:
        say(f"the other gateways are not known now: {view['fault']}", Style.WARNING)
    if view["waiting"]:
        say(f"{quantity(view['waiting'], 'row')} of this gateway wait for the database", Style.WARNING)
    _table(GATEWAYS, [_gateway(each) for each in view["gateways"]], width)
    if view["sessions"]:
        now = datetime.now().astimezone()
        click.echo()
        _table(SESSIONS, [_session(each, now) for each in view["sessions"]], width)
    click.echo()
    click.echo(_total(view))


def _table(titles: tuple[Column, ...], rows: list[list[str]], width: int | None) -> None:
    head, *lines = fitted(titles, rows, width)
    say(head, Style.HEAD)
    for each in lines:
        click.echo(each)


def _gateway(view: GatewayView) -> list[str]:
    name = f"{view['name'] or 'this one'} (here)" if view["here"] else view["name"]
    return [name, "alive" if view["alive"] else "not seen", _heard(view["seen"]), str(view["sessions"])]


def _heard(seen: float | None) -> str:
    if seen is None:
        return UNKNOWN
    return "just now" if seen < SEEN_LATELY else f"{duration(seen)} ago"


def _session(view: PresentView, now: datetime) -> list[str]:
    return [
        view["user"],
        view["gateway"] or "here",
        view["source"],
        view["address"].partition(",")[0] or UNKNOWN,
        since(view["since"], now),
        brief(view["octets_in"]),
        brief(view["octets_out"]),
        view["client"] or UNKNOWN,
    ]


def _total(view: FleetView) -> str:
    shown, more = len(view["sessions"]), view["left_out"]
    users = len({each["user"] for each in view["sessions"]})
    people = f" of {quantity(users, 'user')}" if users and users != shown else ""
    left = f"; about {more} more are not shown: lotor status --all USER" if more else ""
    return f"{quantity(shown, 'session') if shown else 'no sessions'}{people}{left}"


def told_of_logout(report: dict[str, object], *, as_json: bool) -> None:
    """Ends with `LOCAL_FAULT` where the others were not reached, `FAILED` where a session is there still."""
    view = cast("LogoutView", report)
    left = sum(each["left"] for each in view["gateways"])
    if as_json:
        click.echo(json.dumps(view, indent=2))
    else:
        _tell(view)
    if view["fault"]:
        raise click.exceptions.Exit(Exit.LOCAL_FAULT)
    if left:
        raise click.exceptions.Exit(Exit.FAILED)


def ended_here(subject: str, sessions: int) -> str:
    """The same JSON where no other gateway was asked."""
    view: LogoutView = {
        "schema": 1,
        "subject": subject,
        "name": "",
        "here": sessions,
        "fault": "",
        "gateways": [],
    }
    return json.dumps(view, indent=2)


def _tell(view: LogoutView) -> None:
    click.echo(f"{view['name'] or 'this gateway'} (here): {_ended(view['here'], view['subject'])}")
    for each in view["gateways"]:
        gone, left = each["sessions"] - each["left"], each["left"]
        click.echo(f"{each['gateway']}: {_ended(gone, view['subject'])}")
        if left:
            still = f"{each['gateway']}: {quantity(left, 'session')} {'is' if left == 1 else 'are'} there still"
            say(f"{still}: lotor status --all tells whether that gateway is alive", Style.WARNING)
    if view["fault"]:
        say(f"other gateways may have more: {view['fault']}", Style.WARNING)


def _ended(number: int, subject: str) -> str:
    return f"{quantity(number, 'session')} of {subject} ended" if number else f"no session of {subject}"
