"""`lotor events` and `lotor reload`."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from lotor.cli.calling import FILE, SOCKET, call, refusal
from lotor.control.messages import Done, Events, Happened, Reload


@click.command()
@SOCKET
@FILE
@click.pass_context
def events(context: click.Context, /, **options: object) -> None:
    """Show what happens, until Ctrl-C."""
    with call(context, options) as daemon:
        daemon.send(Events())
        for response in daemon.responses():
            if not isinstance(response, Happened):
                raise refusal(response)
            at = datetime.fromtimestamp(response.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            session = f"session {response.session}: " if response.session else ""
            click.echo(f"{at} {session}{response.text}")


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
