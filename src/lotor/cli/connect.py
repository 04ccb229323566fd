"""`lotor vc` and `lotor vd`: ask the daemon, or without one do it here, and tell how it came out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lotor.cli import terminal
from lotor.cli.calling import FILE, SOCKET, Daemon, call, look, refusal
from lotor.cli.prompting import CredentialPrompt, outcome, reach
from lotor.control.messages import (
    Disconnect,
    Disconnected,
)
from lotor.daemon.exits import Exit, StartError

if TYPE_CHECKING:
    from lotor.config import Typed

WITHOUT_DAEMON = "or connect without one: --ca ca.crt, with the gateway's authority"


@click.command()
@click.argument("gateway")
@click.option("-u", "--user", help="Login; without it xauth_login, or you are asked.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--ca", type=click.Path(path_type=Path), help="CA file: connect without a daemon, until Ctrl-C.")
@click.option("--keep", is_flag=True, help="With --ca: a connection that is lost comes back by itself.")
@click.option("--eap-server", metavar="NAME", help="With --ca: the RADIUS server whose certificate is shown in EAP.")
@click.option("--single-process", is_flag=True, help="With --ca: one process as root does everything, for debugging.")
@SOCKET
@FILE
@click.pass_context
def connect(context: click.Context, /, gateway: str, user: str | None, ca: Path | None, **options: object) -> None:
    """Connect to the VPN gateway GATEWAY, an address or a host name."""
    if options["single_process"] and ca is None:
        raise click.UsageError("--single-process goes with --ca: lotor daemon has an option of that name, too")
    if options["keep"] and ca is None:
        raise click.UsageError("--keep goes with --ca: with a daemon, auto_connect on in racoon.conf does it")
    if options["eap_server"] and ca is None:
        raise click.UsageError("--eap-server goes with --ca: with a daemon, eap_server in racoon.conf does it")
    prompt = CredentialPrompt(password_stdin=bool(options["password_stdin"]))
    with terminal.hushed() as lift:
        terminal.tell(f"connecting to {gateway}")
        if ca is not None:
            from lotor.cli.foreground import PersonHere, connect_here

            person = PersonHere(gateway, user, prompt, lift)
            connect_here(person, ca, _typed(options), single=bool(options["single_process"]))
            return
        with _call(context, options) as daemon:
            response = reach(daemon, gateway, user, prompt)
    click.echo(outcome(response, gateway))


def _typed(options: dict[str, object]) -> Typed:
    """Raises `UsageError` for a server that nobody can be called."""
    from lotor.config import Typed
    from lotor.model.redirection import named

    server = options["eap_server"]
    try:
        return Typed(keep=bool(options["keep"]), server=str(named(str(server))) if server else None)
    except ValueError as fault:
        raise click.UsageError(f"--eap-server: {fault}") from None


def _call(context: click.Context, options: dict[str, object]) -> Daemon:
    try:
        return call(context, options)
    except StartError as error:
        if error.code is Exit.NO_DAEMON and not error.fix:
            error.fix = WITHOUT_DAEMON
        raise


def _opened(gateway: str) -> bool:
    from lotor.cli.closed import opened

    return opened(gateway)


@click.command()
@click.argument("gateway")
@SOCKET
@FILE
@click.pass_context
def disconnect(context: click.Context, /, gateway: str, **options: object) -> None:
    """Disconnect from the VPN gateway GATEWAY."""
    try:
        daemon = look(context, options)
    except StartError as error:
        if error.code is not Exit.NO_DAEMON or not _opened(gateway):
            raise
        click.echo("the host is open again")
        return
    with daemon:
        daemon.send(Disconnect(gateway))
        response = daemon.receive()
    match response:
        case Disconnected():
            click.echo("VPN connection terminated")
        case _:
            raise refusal(response)
