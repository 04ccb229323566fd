"""`lotor ban`: who may not log in for a while."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, cast

import click

from lotor.cli.calling import FILE, SOCKET, call, refusal
from lotor.cli.columns import Column, fitted
from lotor.cli.groups import Told
from lotor.cli.quantities import duration, moment
from lotor.cli.terminal import Style, columns, say
from lotor.control.messages import AddBan, Banned, Bans, Done, Lift, Request
from lotor.model.ban import demand_subject

if TYPE_CHECKING:
    from lotor.control.views import BanView

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
COLUMNS = (Column("banned", 10, 0), Column("for another", 11, 0), Column("since", 10, 1), Column("why", 10, 2))


class Span(click.ParamType[int]):
    """A number and a unit, to seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"([1-9][0-9]{0,6})([smhd])", str(value))
        if found is None:
            self.fail(f"{value} is no time: write it like 30m, 12h or 7d", param, ctx)
        return int(found[1]) * UNITS[found[2]]


class Subject(click.ParamType[str]):
    """Whom a ban may be of; what is wrong with it is said before anybody is asked."""

    name = "subject"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            demand_subject(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return str(value)


@click.group(cls=Told)
def ban() -> None:
    """Keep addresses, networks and users from logging in."""


@ban.command("list")
@click.option("--json", "as_json", is_flag=True, help="All of it as JSON.")
@SOCKET
@FILE
@click.pass_context
def show(context: click.Context, /, *, as_json: bool, **options: object) -> None:
    """List the bans in force."""
    answer = _asked(context, options, Bans())
    if as_json:
        click.echo(json.dumps(answer, indent=2))
        return
    found = cast("list[BanView]", answer["bans"])
    if not found:
        click.echo("nobody is banned")
    else:
        _draw(found)
    _tell_fleet(answer)


def _draw(found: list[BanView]) -> None:
    rows = [[each["subject"], duration(each["left"]), moment(each["since"]), each["why"]] for each in found]
    head, *lines = fitted(COLUMNS, rows, columns())
    say(head, Style.HEAD)
    for each in lines:
        click.echo(each)


@ban.command()
@click.argument("subject", metavar="ADDRESS|NETWORK|USER", type=Subject())
@click.option("--for", "seconds", type=Span(), default="1h", show_default=True, help="How long, like 30m, 12h or 7d.")
@SOCKET
@FILE
@click.pass_context
def add(context: click.Context, /, subject: str, seconds: int, **options: object) -> None:
    """Let nobody log in from an ADDRESS or NETWORK, or as USER. Sessions that are up stay up."""
    answer = _asked(context, options, AddBan(subject, seconds))
    (made,) = cast("list[BanView]", answer["bans"])
    click.echo(f"{made['subject']} is banned until {made['until']}; what is up stays up (lotor logout)")
    _tell_fleet(answer)


def _tell_fleet(answer: dict[str, object]) -> None:
    if answer.get("fleet"):
        click.echo(answer["fleet"])


@ban.command()
@click.argument("subject", metavar="ADDRESS|NETWORK|USER")
@SOCKET
@FILE
@click.pass_context
def lift(context: click.Context, /, subject: str, **options: object) -> None:
    """Take a ban away before its time."""
    with call(context, options) as daemon:
        daemon.send(Lift(subject))
        response = daemon.receive()
    if not isinstance(response, Done):
        raise refusal(response)
    click.echo(response.text)


def _asked(context: click.Context, options: dict[str, object], request: Request) -> dict[str, object]:
    with call(context, options) as daemon:
        daemon.send(request)
        response = daemon.receive()
    if not isinstance(response, Banned):
        raise refusal(response)
    return response.bans
