"""What the commands of `lotor user` share: the file that is meant, how it is changed, and who is connected."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from lotor.cli import locate, terminal
from lotor.daemon.exits import Exit, StartError
from lotor.model.prompt import Field
from lotor.model.quantity import quantity
from lotor.model.secret import Secret

if TYPE_CHECKING:
    from lotor.auth import UserFile
    from lotor.auth.facts import Fact, Facts
    from lotor.auth.nt_keys import NtKeys
    from lotor.auth.users import Users
    from lotor.cli.calling import Daemon

T = TypeVar("T")

CONFIGURATION = "lotor.cli.user.configuration"
"""Under this name the context keeps the file that was named: it says where the daemon listens."""
DEFAULT_USERS = Path("/etc/lotor/users")
SHORT = 8
"""A password with fewer characters is guessed from its hash, and in time at the gateway."""
LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
GENERATED = 20
"""Letters of a password that nobody chose, 115 bits: none that look like another."""
WHY_MSCHAP = "for clients that log in by EAP-MSCHAPv2 only (Windows, Apple)."
NOW = click.option("--now", is_flag=True, help="End the sessions that are up, too.")
STDIN = click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
GENERATE = click.option("--generate", is_flag=True, help="Make a password, and tell it once.")
JSON = click.option("--json", "as_json", is_flag=True, help="Machine-readable.")


def change(users: Path, do: Callable[[UserFile], T], keys: NtKeys | None = None) -> T:
    """Raises `StartError` with what the file, or its text, does not allow. `keys` of NT hashes, else the one beside the
    file alone."""
    from lotor.auth import UserError, UserFile

    try:
        return do(UserFile(users, nt_keys=keys))
    except UserError as error:
        raise StartError(str(error)) from error


def read(users: Path) -> Users:
    return change(users, lambda file: file.read())


def tell_faults(users: Path, found: Users) -> None:
    """Lines that are wrong, with their numbers. Raises `StartError` where there are any."""
    if found.faults:
        raise StartError("\n".join(f"{users} {fault}" for fault in found.faults), Exit.CONFIGURATION)


def with_words(facts: Facts, words: Iterable[str], rows: Iterable[Fact]) -> Facts:
    """The facts as `KEY=VALUE …` changes them; `KEY=` takes one away. Raises `click.UsageError`."""
    from lotor.auth.facts import FactError, with_value

    known = {each.key: each for each in rows if not each.secret}
    for word in words:
        key, equals, value = word.partition("=")
        if key not in known or not equals:
            raise click.UsageError(f"{word!r} is not of the form KEY=VALUE with one of {', '.join(known)}")
        try:
            facts = with_value(facts, known[key], value)
        except FactError as fault:
            raise click.UsageError(str(fault)) from None
    return facts


def sessions(name: str, *, end: bool) -> None:
    """Ends the sessions of a user, or says how many are up. Raises `StartError` where they are to end and no daemon
    can be asked."""
    from lotor.cli.calling import Daemon, whole_status

    socket = locate.control_socket(None, click.get_current_context().meta[CONFIGURATION])
    try:
        with Daemon(socket) as daemon:
            if end:
                _end(daemon, name)
                return
            every = whole_status(daemon)["sessions"]
    except StartError as error:
        if not end:
            return
        raise StartError(f"cannot tell whether {name} is still connected: {error}", error.code) from error
    count = sum(each["user"] == name and each["role"] == "gateway" for each in every)
    if count:
        told = quantity(count, "session")
        click.echo(f"{told} of {name} still up: lotor logout {name} ends {'it' if count == 1 else 'them'}")


def _end(daemon: Daemon, name: str) -> None:
    """At every gateway of a fleet, as `lotor logout` does."""
    from lotor.cli.calling import refusal
    from lotor.control.messages import NOT_LOGGED_IN, Disconnected, Everywhere, Failed, Logout

    daemon.send(Logout(name, everywhere=True))
    response = daemon.receive()
    if isinstance(response, Everywhere):
        from lotor.cli.gateways import told_of_logout

        told_of_logout(response.report, as_json=False)
        return
    if isinstance(response, Disconnected):
        click.echo(f"{quantity(response.sessions, 'session')} of {name} ended")
    elif isinstance(response, Failed) and response.kind == NOT_LOGGED_IN:
        click.echo(f"{name} was not connected")
    else:
        raise refusal(response)


def nt_keys(context: click.Context) -> NtKeys:
    """By which NT hashes are sealed: that of the fleet of the configuration, where it is there, else this host's."""
    from lotor.auth.nt_keys import NtKeys
    from lotor.config import ConfigError, load

    path = locate.configuration(context.meta[CONFIGURATION])
    try:
        shared = load(path).settings.fleet_key if path.exists() else None
    except ConfigError:
        shared = None
    return NtKeys.beside(context.obj, shared.path if shared is not None else None)


def warn_of_codes(users: Path, name: str) -> None:
    """Where the user has an NT hash that opens nothing, because of a second factor."""
    found = read(users)
    user = found.get(name)
    if user is not None and user.facts.mschap and (user.facts.totp is not None or found.facts(user).second):
        told = f"warning: {name} has a second factor, and MSCHAPv2 no place for its code: no login by it succeeds"
        terminal.say(told, terminal.Style.WARNING, error=True)


def generated() -> Secret:
    """A password that nobody chose."""
    return Secret("".join(secrets.choice(LETTERS) for _ in range(GENERATED)))


def new_password(*, from_stdin: bool, generate: bool = False) -> Secret:
    """Typed twice, or a line of standard input, or made and told; a short one is taken with a warning."""
    if generate:
        made = generated()
        click.echo(f"password: {made.reveal().decode()}")
        return made
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


def users_of(path: Path) -> Path:
    """Where the configuration keeps its users, else the default."""
    from lotor.config import ConfigError, load, render

    if not path.exists():
        return DEFAULT_USERS
    try:
        mode_cfg = load(path).settings.mode_cfg
    except ConfigError as error:
        raise StartError("\n".join(render(each) for each in error.problems), Exit.CONFIGURATION) from error
    return mode_cfg.users.path if mode_cfg is not None else DEFAULT_USERS
