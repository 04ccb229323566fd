"""What `lotor init` tells a person: what is written and done, what is his to do, and how to take it back."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import TYPE_CHECKING

import click

from lotor.init.carrying import Plan, stands
from lotor.init.steps import NewFile, Step

if TYPE_CHECKING:
    from lotor.init.host import Target
    from lotor.init.record import Setup

WIDTH = 80
PRIVATE = 0o077
"""Of a mode: others may read a file that has some of these."""


class Tense(Enum):
    """Whether it was done, or only would be."""

    DONE = "written", "done"
    WOULD = "would be written", "would be done"


def tell_plan(plan: Plan, told: Tense, warnings: Iterable[str] = ()) -> None:
    written, done = told.value
    _section(written, (each.told() for each in plan.files if each.told()))
    _section(done, (each.told() for each in plan.acts))
    _section("warnings of lotor check", warnings)
    if told is Tense.WOULD:
        click.echo("".join(_contents(plan.files)), nl=False)
        click.echo("nothing was written: without --dry-run it is")
        return
    _section("for you to do", _duties(plan))
    click.echo("lotor init undo takes it back.")


def tell_setup(setup: Setup, target: Target) -> None:
    """What is there, and in what state."""
    click.echo(f"This host is set up as {setup.what}, since {setup.at}.")
    _section("files", (f"{path}  {state}" for path, state in stands(setup, target)))
    if not setup.whole:
        click.echo("It did not come to its end: lotor init undo takes back what was done.")


def tell_stays(setup: Setup, stays: list[str]) -> None:
    click.echo(f"lotor init {setup.what} was taken back.")
    _section("not taken back", stays)


def _duties(plan: Plan) -> Iterator[str]:
    yield from plan.remarks
    kind, name, *_ = plan.what.split()
    if kind == "client":
        yield f"connect: lotor connect {name}"
        return
    yield "a firewall in front of this gateway: let UDP 500 and UDP 4500 in"
    yield "a firewall on it: the same, and forward from and to lotor0"
    yield "more users: lotor user add NAME"
    yield f"each client gets /etc/lotor/certs/ca.crt, then: lotor init client {name} --ca ca.crt"


def _section(title: str, lines: Iterable[str]) -> None:
    found = list(lines)
    if not found:
        return
    click.echo(f"{title}:")
    for line in found:
        indented = (
            textwrap.wrap(line, WIDTH, initial_indent="  ", subsequent_indent="    ", break_long_words=False)
            if "\n" not in line
            else [line]
        )
        click.echo("\n".join(indented))


def _contents(steps: Iterable[Step]) -> Iterator[str]:
    """Of files that everybody may read; the others hold secrets."""
    for step in steps:
        if isinstance(step, NewFile) and step.mode & PRIVATE and b"-----BEGIN" not in step.octets:
            yield f"\n--- {step.path}\n{step.octets.decode('utf-8', 'replace')}"
    yield "\n"
