"""`lotor user`: the users of `auth_source local`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lotor.cli import locate, terminal
from lotor.daemon.exits import Exit, StartError
from lotor.model.prompt import Field
from lotor.model.secret import Secret

if TYPE_CHECKING:
    from lotor.auth import UserFile

DEFAULT_USERS = Path("/etc/lotor/users")
STDIN = click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")


@click.group()
@click.option("-f", "--file", type=click.Path(path_type=Path), help="Configuration whose mode_cfg names the users.")
@click.option("--users", type=click.Path(path_type=Path), help="The file of users itself.")
@click.pass_context
def user(context: click.Context, file: Path | None, users: Path | None) -> None:
    """Keep the users of auth_source local."""
    context.obj = users or _users_of(locate.configuration(file))


@user.command()
@click.argument("name")
@STDIN
@click.pass_obj
def add(users: Path, name: str, *, password_stdin: bool) -> None:
    """Add the user NAME."""
    _change(users, lambda file: file.add(name, _new_password(from_stdin=password_stdin)))
    click.echo(f"user {name} added to {users}")


@user.command("del")
@click.argument("name")
@click.pass_obj
def delete(users: Path, name: str) -> None:
    """Remove the user NAME; sessions that are up stay up (lotor logout NAME ends them)."""
    _change(users, lambda file: file.remove(name))
    click.echo(f"user {name} removed from {users}")


@user.command()
@click.argument("name")
@STDIN
@click.pass_obj
def passwd(users: Path, name: str, *, password_stdin: bool) -> None:
    """Change the password of the user NAME."""
    _change(users, lambda file: file.passwd(name, _new_password(from_stdin=password_stdin)))
    click.echo(f"password of user {name} changed in {users}")


@user.command()
@click.argument("name")
@click.pass_obj
def lock(users: Path, name: str) -> None:
    """Let the user NAME in no more; sessions that are up stay up (lotor logout NAME ends them)."""
    _change(users, lambda file: file.lock(name))
    click.echo(f"user {name} is locked in {users}")


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


def _new_password(*, from_stdin: bool) -> Secret:
    """Typed twice, or a line of standard input."""
    if from_stdin:
        return terminal.read_password(sys.stdin.buffer)
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
