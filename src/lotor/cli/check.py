"""`lotor check`: everything that would keep the daemon from starting with a file, without starting it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

import click

from lotor.cli.locate import configuration
from lotor.cli.terminal import Style, say
from lotor.daemon.exits import Exit
from lotor.model.quantity import quantity

if TYPE_CHECKING:
    from lotor.config.origins import Effective
    from lotor.daemon.inspection import Inspection

WIDTH = 80


@click.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--explain", "explained", is_flag=True, help="Every setting and its origin, and what clients will say.")
@click.option("--json", "as_json", is_flag=True, help="All of it as one JSON object.")
@click.pass_context
def check(context: click.Context, file: Path | None, *, explained: bool, as_json: bool) -> None:
    """Check the configuration FILE: errors on standard error, warnings and a summary on standard output.

    Ends with 0 where the daemon would start, with warnings or not, with 4 where it would not, with 2 for a wrong
    command line.
    """
    from lotor.daemon.inspection import inspect

    path = configuration(file)
    found = inspect(path)
    if as_json:
        click.echo(json.dumps({"file": str(path), **_plain(found)}, indent=2))
    else:
        _tell(path, found, explained=explained)
    context.exit(Exit.CONFIGURATION if found.problems else Exit.OK)


def _plain(found: Inspection) -> dict[str, object]:
    problems = [{key: getattr(each, key) for key in ("path", "line", "column", "text")} for each in found.problems]
    certificates = {name: [asdict(one) for one in each] for name, each in found.certificates.items()}
    return {
        "errors": problems,
        "warnings": list(found.warnings),
        "settings": [asdict(each) for each in found.settings],
        "certificates": certificates,
        "devices": {name: [asdict(one) for one in each] for name, each in found.devices.items()},
        "overlaps": [asdict(each) for each in found.overlaps],
    }


def _tell(path: Path, found: Inspection, *, explained: bool) -> None:
    from lotor.config import render

    for problem in found.problems:
        say(render(problem), Style.ERROR, error=True)
    for warning in found.warnings:
        say(warning, Style.WARNING)
    for line in _beside(found, explained=explained):
        click.echo(line)
    warnings = quantity(len(found.warnings), "warning")
    if found.problems:
        say(f"lotor: {path}: {quantity(len(found.problems), 'error')}, {warnings}", Style.ERROR, error=True)
    else:
        say(f"{path}: no errors, {warnings}", Style.WARNING if found.warnings else Style.GOOD)


def _beside(found: Inspection, *, explained: bool) -> Iterator[str]:
    """What is right and may surprise all the same. Only what concerns everybody is told unasked."""
    from lotor.pki.clients import EVERYBODY

    for name, judgements in found.certificates.items():
        for each in judgements:
            if explained or each.client == EVERYBODY:
                yield _filled(f"certificate of remote {name}: {each.client}{' refuses it' * each.refuses}: {each.text}")
        if explained and not any(each.refuses for each in judgements):
            yield f"certificate of remote {name}: no known client refuses it"
    if explained:
        yield from _devices(found)
    yield from (_filled(f"overlap: {each.text}") for each in found.overlaps if explained or each.harms)
    if explained:
        yield from _table(found.settings)


def _devices(found: Inspection) -> Iterator[str]:
    """What stands in the way of clients of IKEv2."""
    for name, findings in found.devices.items():
        for each in findings:
            yield _filled(f"IKEv2 of remote {name}: {each.client}{' cannot connect' * each.refuses}: {each.text}")
        if not findings:
            yield f"IKEv2 of remote {name}: no known client finds anything wrong"


def _table(settings: tuple[Effective, ...]) -> Iterator[str]:
    """A block is a heading, a setting one line or two."""
    block = None
    for each in settings:
        if each.block != block:
            block = each.block
            yield f"\n{block or 'outside of all braces'}"
        line = f"  {each.directive:<24} {each.value}"
        if len(line) + 2 + len(each.origin) <= WIDTH:
            yield f"{line:<{WIDTH - len(each.origin)}}{each.origin}"
        else:
            yield from (_filled(line, 27), f"{each.origin:>{WIDTH}}")


def _filled(text: str, indent: int = 4) -> str:
    return fill(text, WIDTH, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)
