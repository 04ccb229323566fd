"""The same answer again and again: a picture on a terminal, blocks one below the other anywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import datetime

import click

from lotor.cli.screen import Screen, is_possible
from lotor.cli.terminal import Line, Style, painted, say
from lotor.daemon.exits import StartError

EVERY = 2.0
"""Seconds between two answers."""
PATIENCE_S = 10.0
"""Of a daemon that is silent for so long it is said that it does not answer, and keys count again."""

Tell = Callable[[], str | list[Line]]


def watched(tell: Tell, *, json: bool) -> None:
    """Until q, Ctrl-C or a signal; `StartError` where the first answer does not come. Later ones may fail: the daemon
    may be there again the next time."""
    first = tell()
    try:
        if json or not is_possible():
            _appended(first, tell, json=json)
        else:
            _drawn(first, tell)
    except KeyboardInterrupt:
        return


def _drawn(told: str | list[Line], tell: Tell) -> None:
    with Screen() as screen:
        while True:
            screen.show(fitting(_lines(told), screen.size[1]))
            if "q" in screen.keys(EVERY):
                return
            told = _again(tell)


def _appended(told: str | list[Line], tell: Tell, *, json: bool) -> None:
    while True:
        if json:
            _written(told)
        else:
            stamp = f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S}"
            click.echo("\n".join([stamp, *painted(_lines(told), sys.stdout), ""]))
        sys.stdout.flush()
        time.sleep(EVERY)
        told = _again(tell)


def _written(told: str | list[Line]) -> None:
    """Whoever reads JSON gets nothing else there: that the daemon does not answer stands on standard error."""
    if isinstance(told, str):
        click.echo(told)
    else:
        say("\n".join(each.text for each in told), Style.ERROR, error=True)


def _again(tell: Tell) -> str | list[Line]:
    try:
        return tell()
    except StartError as error:
        return [Line(str(error), Style.ERROR)]


def fitting(lines: list[Line], height: int) -> list[Line]:
    """What a screen holds, and how much it does not."""
    if len(lines) <= height:
        return lines
    left = len(lines) - height + 1
    return [*lines[: height - 1], Line(f"and {left} lines more: lotor top shows them", Style.FAINT)]


def _lines(told: str | list[Line]) -> list[Line]:
    return [Line(each) for each in told.split("\n")] if isinstance(told, str) else told
