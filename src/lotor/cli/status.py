"""`lotor status`: who is connected, for a person on 80 columns or as JSON, once or again and again."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import TYPE_CHECKING

import click

from lotor.cli import details
from lotor.cli.calling import FILE, SOCKET, look, whole_status
from lotor.cli.overview import ORDERS, overview
from lotor.cli.terminal import Line, Style, columns, painted
from lotor.daemon.exits import Exit, StartError

if TYPE_CHECKING:
    from lotor.control.views import StatusView

NOBODY = "nobody is connected as {0}: lotor explain {0} tells what became of attempts"


@click.command()
@click.argument("subject", required=False, default="")
@click.option("-v", "--verbose", is_flag=True, help="Everything: algorithms, SPIs, packets, processes.")
@click.option("--all", "everywhere", is_flag=True, help="All gateways of the fleet, and who is connected where.")
@click.option("--versions", is_flag=True, help="Who comes by IKEv1 and who by IKEv2, now and before.")
@click.option("--watch", is_flag=True, help="Again every two seconds, until q or Ctrl-C.")
@click.option("--sort", type=click.Choice(tuple(ORDERS)), help="By name, the newest first, or the fastest first.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable, see docs/status.md; a line each with --watch.")
@SOCKET
@FILE
@click.pass_context
def status(context: click.Context, /, **options: object) -> None:
    """Show who is connected, with what, from where, since when, and how fast. SUBJECT is a login, an address, an
    identity or a session's number: everything about these sessions. With --all it is a login."""
    if options["versions"]:
        from lotor.cli.versions import show as tell

        tell(context, options)
        return
    if options["everywhere"]:
        from lotor.cli.gateways import show

        show(context, options)
        return
    if options["watch"]:
        from lotor.cli.watching import watched

        watched(lambda: _told(context, options), json=bool(options["as_json"]))
        return
    told = _told(context, options)
    click.echo(told if isinstance(told, str) else "\n".join(painted(told, sys.stdout)))


def _told(context: click.Context, options: dict[str, object]) -> str | list[Line]:
    """The answer of the daemon: JSON where that is wanted, else lines."""
    subject, order = str(options["subject"]), options["sort"]
    with look(context, options) as daemon:
        if options["watch"]:
            from lotor.cli.watching import PATIENCE_S

            daemon.wait_at_most(PATIENCE_S)
        view = whole_status(daemon, subject)
    if order is not None:
        view["sessions"].sort(key=ORDERS[str(order)])
    if options["as_json"]:
        return json.dumps(view, indent=None if options["watch"] else 2)
    return _lines(view, subject, verbose=bool(options["verbose"]))


def _lines(view: StatusView, subject: str, *, verbose: bool) -> list[Line]:
    if subject and not view["sessions"]:
        raise StartError(NOBODY.format(subject), Exit.FAILED)
    if not verbose and not subject:
        return overview(view, datetime.now().astimezone(), columns())
    text = details.sessions(view) if subject else details.table(view)
    return [Line(each, _style(each)) for each in text.split("\n")]


def _style(line: str) -> Style:
    if line == details.HEAD.rstrip():
        return Style.HEAD
    return Style.WARNING if line.lstrip().startswith("warning: ") else Style.PLAIN
