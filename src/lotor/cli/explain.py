"""`lotor explain`: one attempt in plain words, for a person on 80 columns or as JSON."""

from __future__ import annotations

import json
import re
import sys
import textwrap
from pathlib import Path
from typing import cast

import click

from lotor.cli import locate
from lotor.cli.calling import FILE, SOCKET, look, refusal
from lotor.cli.terminal import Line, Style, painted
from lotor.control.messages import Explain, Explained
from lotor.control.views import AttemptView, ExplainView
from lotor.daemon.exits import Exit, StartError

WIDTH = 80
NAMES = 10
HEADLINE = re.compile(r"(?:session \d+|no session): .*, failed \([-0-9: ]+ UTC\)")
HEAD = f"{'#':>5}  {'when (UTC)':<16}  {'who':<16}  {'from':<15}  {'state':<10}"


@click.command()
@click.argument("subject", required=False, default="")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable, see docs/explain.md.")
@SOCKET
@FILE
@click.pass_context
def explain(context: click.Context, /, subject: str, *, as_json: bool, **options: object) -> None:
    """Tell what became of an attempt to connect. SUBJECT is a login, an address, an identity or a session's number;
    without one the recent attempts are listed."""
    try:
        daemon = look(context, options)
    except StartError as error:
        raise _without_socket(error, options) from error
    with daemon:
        daemon.send(Explain(subject))
        response = daemon.receive()
    if not isinstance(response, Explained):
        raise refusal(response)
    if as_json:
        json.dump(response.report, sys.stdout, indent=2)
        click.echo()
        return
    view = cast("ExplainView", response.report)
    text = told(view) if subject else table(view)
    click.echo("\n".join(painted([Line(line, _style(line)) for line in text.split("\n")], sys.stdout)))


def _style(line: str) -> Style:
    """What failed stands out in a list and in a headline."""
    if line == HEAD.rstrip():
        return Style.HEAD
    return Style.ERROR if line.endswith("  failed") or HEADLINE.fullmatch(line) else Style.PLAIN


def _without_socket(error: StartError, options: dict[str, object]) -> StartError:
    """Where a configuration gives the daemon no control socket, its journal is the place to look."""
    file = options.get("file")
    path = locate.configuration(file if isinstance(file, Path) else None)
    if error.code is not Exit.NO_DAEMON or options.get("socket") is not None or not locate.without_socket(path):
        return error
    return StartError(
        f"{path} gives the daemon no control socket (adminsock disabled), so nobody can ask it; its journal tells the "
        "same with `log debug;`: look for the lines with `story:`, for example by journalctl -t lotor -g story:",
        Exit.NO_DAEMON,
    )


def told(view: ExplainView) -> str:
    """The newest attempt whole, the older ones by number."""
    first, *others = view["attempts"]
    lines = [report(first)]
    if others:
        numbers = ", ".join(str(each["session"]) for each in others if each["session"])
        earlier = f"Before that: {view['known'] - 1} more"
        lines += [
            "",
            *textwrap.wrap(f"{earlier}, lotor explain NUMBER tells them: {numbers}" if numbers else earlier, WIDTH),
        ]
    return "\n".join(lines)


def report(view: AttemptView) -> str:
    """One attempt: a headline, then a name and a text a row."""
    number = f"session {view['session']}" if view["session"] else "no session"
    who = view["user"] or view["peer"] or view["outside"]
    lines = [f"{number}: {who}, {view['state']} ({_moment(view['began'])} UTC)"]
    for row in view["story"]:
        lines += textwrap.wrap(
            row["text"],
            WIDTH,
            initial_indent=f"  {row['name']:<{NAMES}}",
            subsequent_indent=" " * (NAMES + 2),
        )
    return "\n".join(lines)


def table(view: ExplainView) -> str:
    """The recent attempts, one a line; where it went since, and its reason, on the next."""
    if not view["attempts"]:
        return "no attempts yet"
    lines = [HEAD]
    for each in view["attempts"]:
        who = each["user"] or each["peer"] or "-"
        number = each["session"] or "-"
        lines.append(
            f"{number:>5}  {_moment(each['began']):<16}  {_short(who, 16):<16}  {each['outside']:<15}  {each['state']}"
        )
        if each["moved_to"]:
            lines.append(f"{'':7}since then {'from' if each['role'] == 'gateway' else 'at'} {each['moved_to']}")
        if each["state"] == "failed":
            lines += textwrap.wrap(each["reason"], WIDTH, initial_indent=" " * 7, subsequent_indent=" " * 7)
    if view["known"] > len(view["attempts"]):
        lines.append(f"and {view['known'] - len(view['attempts'])} older ones")
    return "\n".join(lines)


def _moment(iso: str) -> str:
    return iso[:16].replace("T", " ")


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
