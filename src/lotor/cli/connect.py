"""`lotor vc` and `lotor vd`: ask the daemon, or without one do it here, and tell how it came out."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from lotor.cli import terminal
from lotor.cli.calling import FILE, SOCKET, Daemon, call, refusal
from lotor.control.messages import (
    Answer,
    Connect,
    Connected,
    Disconnect,
    Disconnected,
    Failed,
    Progress,
    Prompt,
    Response,
    Secrets,
)
from lotor.model.prompt import Field
from lotor.model.reason import Cause


@click.command()
@click.argument("gateway")
@click.option("-u", "--user", help="Login; without it xauth_login, or you are asked.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--ca", type=click.Path(path_type=Path), help="No daemon: CA file; runs until Ctrl-C.")
@SOCKET
@FILE
@click.pass_context
def connect(context: click.Context, /, gateway: str, user: str | None, ca: Path | None, **options: object) -> None:
    """Connect to the VPN gateway GATEWAY, an address or a host name."""
    asking = Asking(password_stdin=bool(options["password_stdin"]))
    if ca is not None:
        from lotor.cli.foreground import connect_here

        connect_here(gateway, ca, user, asking)
        return
    with call(context, options) as daemon:
        response = reach(daemon, gateway, user, asking)
    click.echo(outcome(response, gateway))


def reach(daemon: Daemon, gateway: str, user: str | None, asking: Asking) -> Response:
    """Asks the daemon to connect, and answers what it wants to know meanwhile."""
    daemon.send(Connect(gateway, user))
    while isinstance(response := daemon.receive(), Prompt | Progress):
        if isinstance(response, Progress):
            terminal.tell(response.text)
        else:
            daemon.send(Answer(asking.answer(tuple(Field(each) for each in response.wants), response.message)))
    if asking.unanswered and isinstance(response, Failed) and response.cause == Cause.LOGIN_DECLINED.name:
        return Failed(asking.unanswered, response.cause)
    return response


@click.command()
@click.argument("gateway")
@SOCKET
@FILE
@click.pass_context
def disconnect(context: click.Context, /, gateway: str, **options: object) -> None:
    """Disconnect from the VPN gateway GATEWAY."""
    with call(context, options) as daemon:
        daemon.send(Disconnect(gateway))
        response = daemon.receive()
    match response:
        case Disconnected():
            click.echo("VPN connection terminated")
        case _:
            raise refusal(response)


class Asking:
    """The person's answers: from standard input once when so wished, else from the terminal."""

    def __init__(self, *, password_stdin: bool) -> None:
        self._password_stdin = password_stdin
        self._used = False
        self.unanswered = ""

    def answer(self, wants: tuple[Field, ...], message: str) -> Secrets | None:
        """None when nobody can be asked; `unanswered` then says why."""
        if self._password_stdin:
            return self._from_stdin(wants)
        try:
            return terminal.ask(wants, message)
        except terminal.NoTerminalError as error:
            self.unanswered = str(error)
            return None

    def _from_stdin(self, wants: tuple[Field, ...]) -> Secrets | None:
        """The one password that is there; a gateway that asks for more, or again, gets nothing."""
        if self._used or wants != (Field.PASSWORD,):
            return None
        self._used = True
        return {Field.PASSWORD: terminal.read_password(sys.stdin.buffer)}


def outcome(response: Response, gateway: str) -> str:
    """What a person reads after a connect that worked; raises for one that did not."""
    if not isinstance(response, Connected):
        raise refusal(response)
    lines = [f"already connected to {gateway}"] if response.already else []
    lines.append(f"Bound to address {response.address}" if response.address else "VPN connection established")
    if response.address6:
        lines.append(f"Bound to address {response.address6}")
    if response.banner.strip():
        lines.append(terminal.framed(response.banner))
    return "\n".join(lines)
