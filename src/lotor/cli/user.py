"""`lotor user`: the users of `auth_source local`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lotor.cli import locate, terminal
from lotor.cli.groups import Told
from lotor.daemon.exits import Exit, StartError
from lotor.model.prompt import Field
from lotor.model.quantity import quantity
from lotor.model.secret import Secret

if TYPE_CHECKING:
    from lotor.auth import UserFile

CONFIGURATION = "lotor.cli.user.configuration"
"""Under this name the context keeps the file that was named: it says where the daemon listens."""
DEFAULT_USERS = Path("/etc/lotor/users")
SHORT = 8
"""A password with fewer characters is guessed from its hash, and in time at the gateway."""
NOW = click.option("--now", is_flag=True, help="End the sessions that are up, too.")
STDIN = click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")


@click.group(cls=Told)
@click.option("-f", "--file", type=click.Path(path_type=Path), help="Configuration whose mode_cfg names the users.")
@click.option("--users", type=click.Path(path_type=Path), help="The file of users itself.")
@click.pass_context
def user(context: click.Context, file: Path | None, users: Path | None) -> None:
    """Manage the users of auth_source local."""
    context.obj = users or _users_of(locate.configuration(file))
    context.meta[CONFIGURATION] = file


@user.command()
@click.argument("name")
@STDIN
@click.pass_obj
def add(users: Path, name: str, *, password_stdin: bool) -> None:
    """Add the user NAME."""
    _change(users, lambda file: file.add(name, new_password(from_stdin=password_stdin)))
    click.echo(f"user {name} added to {users}")


@user.command("del")
@click.argument("name")
@NOW
@click.pass_obj
def delete(users: Path, name: str, *, now: bool) -> None:
    """Remove the user NAME; sessions that are up stay up without --now."""
    _change(users, lambda file: file.remove(name))
    click.echo(f"user {name} removed from {users}")
    _sessions(name, end=now)


@user.command()
@click.argument("name")
@STDIN
@click.pass_obj
def passwd(users: Path, name: str, *, password_stdin: bool) -> None:
    """Change the password of the user NAME."""
    _change(users, lambda file: file.passwd(name, new_password(from_stdin=password_stdin)))
    click.echo(f"password of user {name} changed in {users}")


@user.command()
@click.argument("name")
@NOW
@click.pass_obj
def lock(users: Path, name: str, *, now: bool) -> None:
    """Let the user NAME in no more; sessions that are up stay up without --now."""
    _change(users, lambda file: file.lock(name))
    click.echo(f"user {name} is locked in {users}")
    _sessions(name, end=now)


@user.command()
@click.argument("name")
@click.pass_obj
def unlock(users: Path, name: str) -> None:
    """Let the user NAME in again, with the password of before."""
    _change(users, lambda file: file.lock(name, locked=False))
    click.echo(f"user {name} may log in again, says {users}")


@user.command("list")
@click.pass_obj
def show(users: Path) -> None:
    """List the users."""
    from lotor.auth import UserError, UserFile

    try:
        found = UserFile(users).list()
    except UserError as error:
        raise StartError(str(error)) from error
    for each in found:
        click.echo(each.name + (" (locked)" if each.locked else ""))


def _change(users: Path, change: Callable[[UserFile], None]) -> None:
    from lotor.auth import UserError, UserFile

    try:
        change(UserFile(users))
    except UserError as error:
        raise StartError(str(error)) from error


def _sessions(name: str, *, end: bool) -> None:
    """Ends the sessions of a user, or says how many are up. Raises `StartError` where they are to end and no daemon
    can be asked."""
    from lotor.cli.calling import Daemon, refusal, whole_status
    from lotor.control.messages import Disconnected, Logout

    socket = locate.control_socket(None, click.get_current_context().meta[CONFIGURATION])
    try:
        with Daemon(socket) as daemon:
            count = sum(each["user"] == name and each["role"] == "gateway" for each in whole_status(daemon)["sessions"])
            if count and end:
                daemon.send(Logout(name))
                if not isinstance(response := daemon.receive(), Disconnected):
                    raise refusal(response)
    except StartError as error:
        if not end:
            return
        raise StartError(f"cannot tell whether {name} is still connected: {error}", error.code) from error
    told = quantity(count, "session")
    if end:
        click.echo(f"{told} of {name} ended" if count else f"{name} was not connected")
    elif count:
        click.echo(f"{told} of {name} still up: lotor logout {name} ends {'it' if count == 1 else 'them'}")


def new_password(*, from_stdin: bool) -> Secret:
    """Typed twice, or a line of standard input; a short one is taken with a warning."""
    password = terminal.read_password(sys.stdin.buffer) if from_stdin else _typed_twice()
    length = len(password.reveal().decode("utf-8", "replace"))
    if 0 < length < SHORT:
        characters = quantity(length, "character")
        told = f"warning: a password of {characters} is soon guessed: take {SHORT} or more, better 12"
        terminal.say(told, terminal.Style.WARNING, error=True)
    return password


def _typed_twice() -> Secret:
    try:
        first = terminal.ask((Field.PASSWORD,), "New password")[Field.PASSWORD]
        second = terminal.ask((Field.PASSWORD,), "The same again")[Field.PASSWORD]
    except terminal.NoTerminalError as error:
        raise StartError("there is no terminal to ask for the password: use --password-stdin") from error
    if first != second:
        raise StartError("the two passwords differ; nothing was changed")
    return first


def _users_of(path: Path) -> Path:
    """Where the configuration keeps its users, else the default."""
    from lotor.config import ConfigError, load, render

    if not path.exists():
        return DEFAULT_USERS
    try:
        mode_cfg = load(path).settings.mode_cfg
    except ConfigError as error:
        raise StartError("\n".join(render(each) for each in error.problems), Exit.CONFIGURATION) from error
    return mode_cfg.users.path if mode_cfg is not None else DEFAULT_USERS
