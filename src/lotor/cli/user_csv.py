"""`lotor user import` and `lotor user export`: many users at once, as CSV."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lotor.cli import terminal
from lotor.cli.user_file import change, generated, nt_keys, read, tell_faults
from lotor.daemon.exits import StartError
from lotor.model.quantity import quantity
from lotor.model.secret import Secret

if TYPE_CHECKING:
    from lotor.auth import LocalUser
    from lotor.auth.nt_keys import NtKeys
    from lotor.auth.sheet import Import, Row

LARGEST = 1 << 25
"""Octets of a table, as many as the file of users may have."""


@click.command("export")
@click.option(
    "--hashes", is_flag=True, help="With the hashes of passwords and the keys of second factors: keep it safe."
)
@click.pass_obj
def export(users: Path, *, hashes: bool) -> None:
    """Write users and groups as CSV; without --hashes no secret is in it."""
    from lotor.auth.sheet import exported

    found = read(users)
    click.echo(exported(found, secrets=hashes), nl=False)
    tell_faults(users, found)


@click.command("import")
@click.argument("table", type=click.Path(path_type=Path, allow_dash=True))
@click.option("-n", "--dry-run", is_flag=True, help="Check all of it, and write nothing.")
@click.option("--update", is_flag=True, help="Change users and groups that are there: empty cells change nothing.")
@click.option("--generate", is_flag=True, help="Make a password for each new user without one, and tell them once.")
@click.pass_context
def import_(context: click.Context, table: Path, *, dry_run: bool, update: bool, generate: bool) -> None:
    """Add the users and groups of the CSV file TABLE, - for standard input: all of them, or none if a row is wrong."""
    from lotor.auth.sheet import Import, SheetError, rows_of

    made: dict[str, Secret] = {}
    users, keys = context.obj, nt_keys(context)
    try:
        given = Import(
            rows_of(_text(table)), update, (lambda name: made.setdefault(name, generated())) if generate else None
        )
        count = _write(users, given, keys, dry_run=dry_run)
    except SheetError as error:
        name = "standard input" if str(table) == "-" else table
        wrong = "\n".join(f"{name} {fault}" for fault in error.faults)
        raise StartError(f"{wrong}\nnothing was written: {quantity(len(error.faults), 'fault')}") from None
    for name, password in made.items() if not dry_run else ():
        click.echo(f"{name}: {password.reveal().decode()}")
    would = "would be " if dry_run else ""
    click.echo(f"{count} {would}imported into {users}")


def _write(users: Path, given: Import, keys: NtKeys, *, dry_run: bool) -> str:
    """All is checked before the first password is hashed, and again under the lock of the file."""
    from lotor.auth import UserFile
    from lotor.auth.userlines import GROUP

    file = UserFile(users, nt_keys=keys)
    checked = change(users, lambda _: given.entries(file.lines(), _unprotected))
    groups = sum(each.name.startswith(GROUP) for each in given.rows)
    told = " and ".join([quantity(len(checked) - groups, "user"), *([quantity(groups, "group")] if groups else [])])
    if dry_run:
        return told
    made: dict[tuple[int, bool], LocalUser] = {}

    def protect(row: Row, user: LocalUser, password: Secret, *, mschap: bool) -> LocalUser:
        if (row.line, mschap) not in made:
            made[row.line, mschap] = file.with_password(user, password, mschap=mschap)
        known = made[row.line, mschap]
        return replace(user, hash=known.hash, facts=replace(user.facts, mschap=known.facts.mschap))

    change(users, lambda _: given.entries(file.lines(), protect))
    change(users, lambda _: file.put_all(lambda lines: given.entries(lines, protect)))
    return told


def _unprotected(row: Row, user: LocalUser, password: Secret, *, mschap: bool) -> LocalUser:
    """Makes no hash that costs time, and keeps none."""
    from lotor.auth.users import hash_for_mschap

    del row
    if mschap:
        hash_for_mschap(user.name, password)
    return user


def _text(table: Path) -> str:
    """Warns where others can read passwords in it. Raises `StartError`."""
    try:
        with sys.stdin.buffer if str(table) == "-" else table.open("rb") as stream:
            octets = stream.read(LARGEST + 1)
        if len(octets) > LARGEST:
            raise StartError(f"{table} is larger than {LARGEST} octets")
        if str(table) != "-" and table.stat().st_mode & 0o077:
            told = f"warning: others may read {table}: chmod 600 {table} if there are passwords in it"
            terminal.say(told, terminal.Style.WARNING, error=True)
        return octets.decode()
    except OSError as error:
        raise StartError(f"{table} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise StartError(f"{table} is not UTF-8 text") from None
