"""`lotor user`: the users of `auth_source local`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from lotor.cli import locate, terminal
from lotor.cli.groups import Told
from lotor.cli.user_csv import export, import_
from lotor.cli.user_file import (
    CONFIGURATION,
    GENERATE,
    JSON,
    NOW,
    STDIN,
    WHY_MSCHAP,
    change,
    new_password,
    nt_keys,
    read,
    sessions,
    tell_faults,
    users_of,
    warn_of_codes,
    with_words,
)
from lotor.cli.user_groups import group, groups
from lotor.cli.user_second import totp
from lotor.daemon.exits import StartError

WORDS = click.argument("words", nargs=-1, metavar="[KEY=VALUE]...")


@click.group(cls=Told)
@click.option("-f", "--file", type=click.Path(path_type=Path), help="Configuration whose mode_cfg names the users.")
@click.option("--users", type=click.Path(path_type=Path), help="The file of users itself.")
@click.pass_context
def user(context: click.Context, file: Path | None, users: Path | None) -> None:
    """Manage the users of auth_source local."""
    context.obj = users or users_of(locate.configuration(file))
    context.meta[CONFIGURATION] = file


@user.command()
@click.argument("name")
@WORDS
@STDIN
@GENERATE
@click.option("--mschap", is_flag=True, help=f"Store an NT hash, too: {WHY_MSCHAP}")
@click.pass_context
def add(context: click.Context, /, name: str, words: tuple[str, ...], *, mschap: bool, **given: bool) -> None:
    """Add the user NAME, with what `user set` takes."""
    from lotor.auth.facts import NO_FACTS, USER_FACTS

    users, keys = context.obj, nt_keys(context)
    facts = with_words(NO_FACTS, words, USER_FACTS)
    change(users, lambda file: file.vacant(name))
    password = new_password(from_stdin=given["password_stdin"], generate=given["generate"])
    change(users, lambda file: file.add(name, password, facts, mschap=mschap), keys)
    click.echo(f"user {name} added to {users}")
    warn_of_codes(users, name)


@user.command("del")
@click.argument("name")
@NOW
@click.pass_obj
def delete(users: Path, name: str, *, now: bool) -> None:
    """Remove the user NAME; sessions that are up stay up without --now."""
    change(users, lambda file: file.remove(name))
    click.echo(f"user {name} removed from {users}")
    sessions(name, end=now)


@user.command()
@click.argument("name")
@STDIN
@GENERATE
@click.option("--mschap/--no-mschap", default=None, help=f"With an NT hash, or without one: {WHY_MSCHAP}")
@click.pass_context
def passwd(context: click.Context, name: str, *, password_stdin: bool, generate: bool, mschap: bool | None) -> None:
    """Change the password of the user NAME; who has an NT hash keeps one, of the new password."""
    users, keys = context.obj, nt_keys(context)
    password = new_password(from_stdin=password_stdin, generate=generate)
    changed = change(users, lambda file: file.passwd(name, password, mschap=mschap), keys)
    told = ", with an NT hash" if changed.facts.mschap else ""
    click.echo(f"password of user {name} changed in {users}{told}")
    warn_of_codes(users, name)


@user.command("set")
@click.argument("name")
@click.argument("words", nargs=-1, required=True, metavar="KEY=VALUE...")
@NOW
@click.pass_obj
def set_(users: Path, name: str, words: tuple[str, ...], *, now: bool) -> None:
    """Change what is said of the user NAME.

    groups=A,B address=ADDR address6=ADDR/prefix pool=POOL filter=FILTER routes=NET,NET rate=20mbit sessions=N
    expires=LASTDAY; KEY= takes it away. It counts from the next login on."""
    from dataclasses import replace

    from lotor.auth.facts import USER_FACTS

    change(
        users,
        lambda file: file.change(name, lambda user: replace(user, facts=with_words(user.facts, words, USER_FACTS))),
    )
    click.echo(f"user {name} changed in {users}")
    sessions(name, end=now)


@user.command()
@click.argument("name")
@NOW
@click.pass_obj
def lock(users: Path, name: str, *, now: bool) -> None:
    """Let the user NAME in no more; sessions that are up stay up without --now."""
    change(users, lambda file: file.lock(name))
    click.echo(f"user {name} is locked in {users}")
    sessions(name, end=now)


@user.command()
@click.argument("name")
@click.pass_obj
def unlock(users: Path, name: str) -> None:
    """Let the user NAME in again, with the password of before."""
    change(users, lambda file: file.lock(name, locked=False))
    click.echo(f"user {name} may log in again, says {users}")


@user.command("list")
@click.option("-l", "--long", is_flag=True, help="With what is said of each, in columns.")
@JSON
@click.pass_obj
def list_(users: Path, *, long: bool, as_json: bool) -> None:
    """List the users."""
    from lotor.cli import user_views

    found = read(users)
    if as_json:
        click.echo(json.dumps([user_views.view(found, each) for each in found.all()], indent=2))
    elif long:
        for line in user_views.table(found, terminal.columns()):
            click.echo(line)
    else:
        for each in found.all():
            click.echo(each.name + (" (locked)" if each.locked else ""))
    tell_faults(users, found)


@user.command()
@click.argument("name")
@JSON
@click.pass_obj
def show(users: Path, name: str, *, as_json: bool) -> None:
    """Tell what is said of the user NAME, by the user's own line or by a group."""
    from lotor.cli import user_views

    found = read(users)
    known, fault = found.get(name), found.fault(name)
    if known is not None and not fault:
        click.echo(json.dumps(user_views.view(found, known), indent=2) if as_json else user_views.page(found, known))
        return
    raise StartError(f"{users} {fault}" if fault else f"there is no user {name!r} in {users}")


for each in (totp, groups, group, import_, export):
    user.add_command(each)
