"""`lotor doctor`: what is wrong with this host for lotor, and the commands that mend it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

import click

from lotor.cli.calling import FILE, SOCKET
from lotor.cli.locate import configuration, control_socket, without_socket
from lotor.cli.terminal import Style, say
from lotor.daemon.exits import Exit
from lotor.model.text import clean

if TYPE_CHECKING:
    from lotor.doctor.examine import Result
    from lotor.doctor.finding import Finding

WIDTH = 80
GRADE, NAME = 6, 14
"""Columns of the first two words of a line."""
STYLES = {"wrong": Style.ERROR, "warn": Style.WARNING}
"""By the grade of a finding."""


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--probe", is_flag=True, help="A client sends each gateway one first message, at UDP 500 and 4500.")
@click.option("--json", "as_json", is_flag=True, help="All of it as one JSON object.")
@SOCKET
@FILE
@click.pass_context
def doctor(
    context: click.Context, /, names: tuple[str, ...], *, probe: bool, as_json: bool, **options: Path | None
) -> None:
    """Look for what keeps this gateway, or this client, from working, and tell the command that mends it.

    NAMEs are what people type for the gateway: on a gateway its certificate and its name servers are asked about them,
    on a client they are looked up. Nothing on this host is changed. Root sees everything.

    Ends with 0 where nothing is wrong, with 1 where something is.
    """
    import asyncio

    from lotor.doctor.checks import CHECKS
    from lotor.doctor.examine import examine
    from lotor.doctor.finding import Grade
    from lotor.doctor.subject import Wish, subject

    path = configuration(options["file"])
    named = options["socket"]
    socket = control_socket(named, options["file"]) if named or not without_socket(path) else None
    patient = subject(path, socket, Wish(names, probe))
    results = asyncio.run(examine(patient, CHECKS, _progress if sys.stderr.isatty() else None))
    if as_json:
        click.echo(json.dumps(_plain(path, results), indent=2))
    else:
        for result in results:
            for each in result.findings:
                say("\n".join(_told(result.check.name, each)), STYLES.get(each.grade.value, Style.PLAIN))
        click.echo(_sum(results))
    context.exit(Exit.FAILED if any(each.worst is Grade.WRONG for each in results) else Exit.OK)


def _progress(done: int, all_: int) -> None:
    """One line, which goes when all is done."""
    text = f"{done} of {all_} looked at" if done < all_ else ""
    sys.stderr.write(f"\r\x1b[K{text}")
    sys.stderr.flush()


def _plain(path: Path, results: list[Result]) -> dict[str, object]:
    findings = [
        {"check": result.check.name, "grade": each.grade.value, "text": each.text, "mends": list(each.mends)}
        for result in results
        for each in result.findings
    ]
    return {"file": str(path), "findings": findings}


def _told(name: str, finding: Finding) -> Iterator[str]:
    """Commands are not broken: they are to be pasted."""
    head = f"{finding.grade.value:<{GRADE}}{name:<{NAME}}"
    indent = " " * len(head)
    yield fill(
        clean(finding.text),
        WIDTH,
        initial_indent=head,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    yield from (f"{' ' * GRADE}-> {clean(each)}" for each in finding.mends)


def _sum(results: list[Result]) -> str:
    from lotor.doctor.finding import Grade

    grades = [each.grade for result in results for each in result.findings]
    wrong, warned, unseen = (grades.count(each) for each in (Grade.WRONG, Grade.WARN, Grade.UNKNOWN))
    return f"{wrong} wrong, {warned} to look at, {unseen} not seen"
