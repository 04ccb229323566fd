"""`lotor user totp`: the second factor of lotor's own users, and the codes for the day when the phone is lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import click

from lotor.cli import terminal
from lotor.cli.groups import Told
from lotor.cli.qr import shown
from lotor.cli.user_file import NOW, change, read, sessions, warn_of_codes
from lotor.daemon.exits import StartError
from lotor.model.secret import Secret

if TYPE_CHECKING:
    from lotor.auth import LocalUser
    from lotor.auth.facts import Facts

ISSUER = click.option("--issuer", default="", help="What the app calls this VPN; the name of this host without.")
NO_QR = click.option("--no-qr", is_flag=True, help="Show no QR code, the URI and the key alone.")


@click.group(cls=Told)
def totp() -> None:
    """A second factor for a user: codes of an authenticator app."""


@totp.command("on")
@click.argument("name")
@ISSUER
@NO_QR
@NOW
@click.pass_obj
def on(users: Path, name: str, issuer: str, *, no_qr: bool, now: bool) -> None:
    """Give the user NAME a new key for an authenticator app, and new recovery codes; both are shown."""
    from lotor.crypto.totp import new_key

    codes, digests = _recovery(name)
    key = new_key()
    changed = _change(users, name, lambda facts: replace(facts, totp=key, recovery=digests))
    _tell_key(changed, issuer, qr=not no_qr)
    _tell_codes(codes)
    warn_of_codes(users, name)
    sessions(name, end=now)


@totp.command("off")
@click.argument("name")
@click.pass_obj
def off(users: Path, name: str) -> None:
    """Take the second factor of the user NAME away: the password alone is enough then."""
    changed = _change(users, name, lambda facts: replace(facts, totp=None, recovery=()))
    click.echo(f"user {name} has no second factor any more, says {users}")
    if read(users).facts(changed).second:
        told = f"warning: a group of {name} requires one: until 'lotor user totp on {name}' no login succeeds"
        terminal.say(told, terminal.Style.WARNING, error=True)


@totp.command("show")
@click.argument("name")
@ISSUER
@NO_QR
@click.pass_obj
def show(users: Path, name: str, issuer: str, *, no_qr: bool) -> None:
    """Show the key of the user NAME again, for another phone."""
    found = read(users).get(name)
    if found is None or found.facts.totp is None:
        raise StartError(f"there is no user {name!r} with a second factor in {users}")
    _tell_key(found, issuer, qr=not no_qr)


@totp.command("recovery")
@click.argument("name")
@click.pass_obj
def recovery(users: Path, name: str) -> None:
    """Make ten recovery codes for the user NAME, in the place of the present ones, and show them once."""
    codes, digests = _recovery(name)

    def changed(facts: Facts) -> Facts:
        if facts.totp is None:
            raise StartError(f"user {name} has no second factor: 'lotor user totp on {name}' makes one with such codes")
        return replace(facts, recovery=digests)

    _change(users, name, changed)
    _tell_codes(codes)


def _change(users: Path, name: str, change_facts: Callable[[Facts], Facts]) -> LocalUser:
    return change(users, lambda file: file.change(name, lambda user: replace(user, facts=change_facts(user.facts))))


def _recovery(name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Codes, and what is stored of them."""
    from lotor.auth.codes import new_recovery_codes, recovery_digest

    codes = new_recovery_codes()
    return codes, tuple(recovery_digest(name, Secret(code)) or "" for code in codes)


def _tell_key(user: LocalUser, issuer: str, *, qr: bool) -> None:
    from lotor.auth.facts import key_text

    uri = otpauth(user, issuer or _host())
    if qr and (drawn := shown(uri)):
        click.echo(drawn)
    click.echo(f"URI  {uri}")
    click.echo(f"key  {key_text(user.facts.totp or Secret(b''))}  (SHA-1, 6 digits, 30 seconds)")


def _tell_codes(codes: tuple[str, ...]) -> None:
    click.echo("recovery codes, each good for one login; they are not shown again:")
    for code in codes:
        click.echo(f"  {code}")


def otpauth(user: LocalUser, issuer: str) -> str:
    """What authenticator apps read (the key URI format of Google Authenticator)."""
    from lotor.auth.facts import key_text

    called, who = quote(issuer, safe=""), quote(user.name, safe="@")
    key = key_text(user.facts.totp or Secret(b""))
    return f"otpauth://totp/{called}:{who}?secret={key}&issuer={called}"


def _host() -> str:
    from socket import gethostname

    return gethostname() or "lotor"
