"""`lotor user groups` and `lotor user group`: what lotor's own users have in common."""

from __future__ import annotations

import json
from pathlib import Path

import click

from lotor.cli import terminal
from lotor.cli.user_file import JSON, change, read, with_words
from lotor.daemon.exits import StartError


@click.command()
@JSON
@click.pass_obj
def groups(users: Path, *, as_json: bool) -> None:
    """List the groups that say something of their users."""
    from lotor.cli import user_views

    found = read(users)
    if as_json:
        click.echo(json.dumps([user_views.group_view(found, each) for each in found.groups()], indent=2))
        return
    for line in user_views.group_table(found, terminal.columns()):
        click.echo(line)


@click.command()
@click.argument("name")
@click.argument("words", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--del", "delete", is_flag=True, help="Remove what is said of the group; its users stay.")
@JSON
@click.pass_obj
def group(users: Path, name: str, words: tuple[str, ...], *, delete: bool, as_json: bool) -> None:
    """Tell what is said of the group NAME, or change it.

    pool=POOL filter=FILTER routes=NET,NET rate=20mbit sessions=N expires=LASTDAY totp=required; KEY= takes it away. A
    user's own word wins, then that of the first group that has one."""
    from lotor.auth.facts import GROUP_FACTS

    if delete:
        change(users, lambda file: file.remove_group(name))
        click.echo(f"group {name} removed from {users}")
    elif words:
        change(users, lambda file: file.put_group(name, lambda facts: with_words(facts, words, GROUP_FACTS)))
        click.echo(f"group {name} changed in {users}")
    else:
        click.echo(_told(users, name, as_json=as_json))


def _told(users: Path, name: str, *, as_json: bool) -> str:
    from lotor.auth.userlines import GROUP
    from lotor.cli import user_views

    found = read(users)
    known = next((each for each in found.groups() if each.name == name), None)
    if known is not None:
        return (
            json.dumps(user_views.group_view(found, known), indent=2)
            if as_json
            else user_views.group_page(found, known)
        )
    fault = found.fault(GROUP + name)
    raise StartError(f"{users} {fault}" if fault else f"there is no group {name!r} in {users}")
