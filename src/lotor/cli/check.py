"""`lotor check`: everything that would keep the daemon from starting with a file, without starting it."""

from __future__ import annotations

from pathlib import Path

import click

from lotor.cli.locate import configuration
from lotor.daemon.exits import Exit


@click.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.pass_context
def check(context: click.Context, file: Path | None) -> None:
    """Check the configuration FILE: errors on standard error, warnings and a summary on standard output."""
    from lotor.config import ConfigError, render
    from lotor.daemon.active_config import load

    path = configuration(file)
    try:
        active = load(path)
    except ConfigError as error:
        for problem in error.problems:
            click.echo(render(problem), err=True)
        click.echo(f"lotor: {path}: {_count(len(error.problems), 'error')}", err=True)
        context.exit(Exit.CONFIGURATION)
    for warning in active.warnings:
        click.echo(warning)
    click.echo(f"{path}: no errors, {_count(len(active.warnings), 'warning')}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
