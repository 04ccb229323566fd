"""`lotor events`, `lotor debug`, `lotor logout`, `lotor drain`, `lotor portal` and `lotor reload`."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import click

from lotor.cli.calling import FILE, SOCKET, call, look, refusal
from lotor.control.messages import (
    Debug,
    Disconnected,
    Done,
    Drain,
    Events,
    Everywhere,
    Happened,
    Logout,
    Portal,
    Reload,
)
from lotor.daemon.exits import Exit, StartError

PORTAL = "for %d s DNS, HTTP and HTTPS leave in clear: log in at the page of the network now"


@click.command()
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each event.")
@SOCKET
@FILE
@click.pass_context
def events(context: click.Context, /, *, as_json: bool, **options: object) -> None:
    """Show what happens, until Ctrl-C."""
    with look(context, options) as daemon:
        daemon.send(Events())
        for response in daemon.responses():
            if not isinstance(response, Happened):
                raise refusal(response)
            click.echo(_told(response, as_json=as_json))


@click.command()
@click.argument("peer")
@click.option(
    "--minutes", type=click.IntRange(1, 60), default=10, show_default=True, help="It ends after that by itself."
)
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each event.")
@SOCKET
@FILE
@click.pass_context
def debug(context: click.Context, /, peer: str, minutes: int, *, as_json: bool, **options: object) -> None:
    """Follow all that happens with one PEER, an address or a user, until Ctrl-C. The lines stand in the log, too,
    whatever its level is for everybody else."""
    with look(context, options) as daemon:
        daemon.send(Debug(peer, minutes * 60))
        click.echo(f"following {peer} for {minutes} min; Ctrl-C ends it", err=True)
        for response in daemon.responses():
            if isinstance(response, Done):
                click.echo(response.text, err=True)
                return
            if not isinstance(response, Happened):
                raise refusal(response)
            click.echo(_told(response, as_json=as_json))


def _told(response: Happened, *, as_json: bool) -> str:
    """One line."""
    at = datetime.fromtimestamp(response.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if as_json:
        known = {"at": at, "event": response.event, "session": response.session, "text": response.text}
        return json.dumps(known | ({"kind": response.kind, "facts": response.facts} if response.kind else {}))
    session = f"session {response.session}: " if response.session else ""
    return f"{at} {session}{response.text}"


@click.command()
@click.argument("who", required=False, metavar="USER|ADDRESS|ID")
@click.option("--session", "number", type=click.IntRange(1), help="End the session of this number here instead.")
@click.option("--here", is_flag=True, help="At this gateway alone, where it is one of a fleet.")
@click.option("--json", "as_json", is_flag=True, help="What came of it at all gateways of a fleet, as JSON.")
@SOCKET
@FILE
@click.pass_context
def logout(context: click.Context, /, who: str | None, number: int | None, **options: object) -> None:
    """End every session of USER, or the one of an inside ADDRESS or of an ID of accounting, at every gateway of the
    fleet. Both ends are told."""
    if (who is None) == (number is None):
        raise click.UsageError("give a USER, or --session NUMBER")
    with look(context, options) as daemon:
        daemon.send(Logout(who, number or 0, everywhere=who is not None and not options["here"]))
        response = daemon.receive()
    if isinstance(response, Everywhere):
        from lotor.cli.gateways import told_of_logout

        told_of_logout(response.report, as_json=bool(options["as_json"]))
        return
    if not isinstance(response, Disconnected):
        raise refusal(response)
    if options["as_json"]:
        from lotor.cli.gateways import ended_here

        click.echo(ended_here(who or str(number), response.sessions))
        return
    whose = f" of {who}" if who is not None else ""
    click.echo(f"{response.sessions} session{'s' if response.sessions > 1 else ''}{whose} ended")


def _login_page(seconds: int) -> bool:
    from lotor.cli.closed import login_page

    return login_page(seconds)


@click.command()
@click.option("--seconds", type=click.IntRange(1, 600), default=60, show_default=True, help="How long.")
@SOCKET
@FILE
@click.pass_context
def portal(context: click.Context, /, *, seconds: int, **options: object) -> None:
    """Let the login page of a network be reached while the tunnel is down.

    DNS, HTTP and HTTPS leave in clear for that time: of all programs. It ends by itself."""
    try:
        daemon = look(context, options)
    except StartError as error:
        if error.code is not Exit.NO_DAEMON or not _login_page(seconds):
            raise
        click.echo(PORTAL % seconds)
        return
    with daemon:
        daemon.send(Portal(seconds))
        response = daemon.receive()
    if not isinstance(response, Done):
        raise refusal(response)
    click.echo(PORTAL % seconds)


@click.command()
@SOCKET
@FILE
@click.pass_context
def reload(context: click.Context, /, **options: object) -> None:
    """Read the configuration again; a bad one changes nothing."""
    with call(context, options) as daemon:
        daemon.send(Reload())
        response = daemon.receive()
    if not isinstance(response, Done):
        raise refusal(response)
    click.echo(response.text)


@click.command()
@click.argument("gateways", nargs=-1, metavar="[GATEWAY]...")
@click.option("--end", "over", is_flag=True, help="Take clients in again.")
@SOCKET
@FILE
@click.pass_context
def drain(context: click.Context, /, gateways: tuple[str, ...], *, over: bool, **options: object) -> None:
    """Send the IKEv2 clients of this gateway to another GATEWAY, by name or address: those that come, and those that
    are connected. Without one, to those of redirect_to. It lasts until --end, or until the daemon is started anew."""
    if over and gateways:
        raise click.UsageError("--end takes no GATEWAY")
    with call(context, options) as daemon:
        daemon.send(Drain(gateways, over))
        response = daemon.receive()
    if not isinstance(response, Done):
        raise refusal(response)
    click.echo(response.text)
