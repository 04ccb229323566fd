"""`lotor vc` and `lotor vd`: ask the daemon, or without one do it here, and tell how it came out."""

from __future__ import annotations

from pathlib import Path

import click

from lotor.cli import terminal
from lotor.cli.calling import FILE, SOCKET, Daemon, call, look, refusal
from lotor.cli.prompting import CredentialPrompt, outcome
from lotor.control.messages import (
    Answer,
    Connect,
    Disconnect,
    Disconnected,
    Failed,
    Progress,
    Prompt,
    Response,
)
from lotor.daemon.exits import Exit, StartError, code_of
from lotor.model.prompt import Field
from lotor.model.reason import Cause

WITHOUT_DAEMON = "or connect without one: --ca ca.crt, with the gateway's authority"


@click.command()
@click.argument("gateway")
@click.option("-u", "--user", help="Login; without it xauth_login, or you are asked.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--ca", type=click.Path(path_type=Path), help="CA file: connect without a daemon, until Ctrl-C.")
@SOCKET
@FILE
@click.pass_context
def connect(context: click.Context, /, gateway: str, user: str | None, ca: Path | None, **options: object) -> None:
    """Connect to the VPN gateway GATEWAY, an address or a host name."""
    prompt = CredentialPrompt(password_stdin=bool(options["password_stdin"]))
    with terminal.hushed() as lift:
        terminal.tell(f"connecting to {gateway}")
        if ca is not None:
            from lotor.cli.foreground import connect_here

            connect_here(gateway, ca, user, prompt, lift)
            return
        with _call(context, options) as daemon:
            response = reach(daemon, gateway, user, prompt)
    click.echo(outcome(response, gateway))


def _call(context: click.Context, options: dict[str, object]) -> Daemon:
    try:
        return call(context, options)
    except StartError as error:
        if error.code is Exit.NO_DAEMON and not error.fix:
            error.fix = WITHOUT_DAEMON
        raise


def reach(daemon: Daemon, gateway: str, user: str | None, prompt: CredentialPrompt) -> Response:
    """Asks the daemon to connect; a wrong password may be typed again."""
    while True:
        response = _reach(daemon, gateway, prompt.user or user, prompt)
        if not isinstance(response, Failed) or not prompt.again(code_of(response.cause), response.text):
            return response


def _reach(daemon: Daemon, gateway: str, user: str | None, prompt: CredentialPrompt) -> Response:
    """Answers what the daemon wants to know meanwhile."""
    daemon.send(Connect(gateway, user))
    while isinstance(response := daemon.receive(), Prompt | Progress):
        if isinstance(response, Progress):
            terminal.tell(response.text)
        else:
            daemon.send(Answer(prompt.answer(tuple(Field(each) for each in response.wants), response.message)))
    if prompt.unanswered and isinstance(response, Failed) and response.cause == Cause.LOGIN_DECLINED.name:
        return Failed(prompt.unanswered, response.cause)
    return response


@click.command()
@click.argument("gateway")
@SOCKET
@FILE
@click.pass_context
def disconnect(context: click.Context, /, gateway: str, **options: object) -> None:
    """Disconnect from the VPN gateway GATEWAY."""
    with look(context, options) as daemon:
        daemon.send(Disconnect(gateway))
        response = daemon.receive()
    match response:
        case Disconnected():
            click.echo("VPN connection terminated")
        case _:
            raise refusal(response)
