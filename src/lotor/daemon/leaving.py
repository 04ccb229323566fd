"""Before this installation is removed: every program of it ends, and what a killed one left on the host is undone.

`python -m lotor.daemon.leaving`, with the interpreter of the installation, as root; packages call it. With `--tell` it
only says which programs still run, for an upgrade: they are of the version before.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click

from lotor.model.frozen import frozen
from lotor.model.text import clean

PATIENCE = 20.0
"""Seconds in which programs end by themselves: a gateway tells every client first."""
PAUSE = 0.1
LONGEST_NAME = 120
SERVICE = "lotor"
"""How the names of units begin that a service manager restarts."""


@frozen
class Program:
    """A process of this installation; `watched` is its pidfd."""

    pid: int
    words: tuple[str, ...]
    parent: int
    watched: int

    @property
    def name(self) -> str:
        """What a person typed; anybody may call a process of his as he likes."""
        words = (Path(word).name for word in self.words[1:] if not word.startswith("-"))
        return clean(" ".join(words), longest=LONGEST_NAME)

    def send(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.watched, number)

    def lives(self) -> bool:
        try:
            signal.pidfd_send_signal(self.watched, 0)
        except ProcessLookupError:
            return False
        return _parent(self.pid) is not None  # a zombie takes signals


def main() -> None:
    if sys.prefix == sys.base_prefix:
        sys.exit(f"lotor: {sys.executable} is not lotor's alone: nothing was ended, other programs run with it")
    found = programs(Path(sys.executable).parent)
    if "--tell" in sys.argv[1:]:
        for program in leaders(found):
            if not _served(program.pid):
                click.echo(f"lotor: process {program.pid} ({program.name}) is of the version before: start it anew")
        return
    end(found)
    undone = asyncio.run(_recover())
    if undone:
        click.echo(f"lotor: {undone} changes that a killed lotor left on this host were undone")


def programs(home: Path) -> list[Program]:
    """Those of the interpreter in this directory that see the same files as this process, which is not among them: a
    container has its own lotor."""
    return list(_found(home))


def _found(home: Path) -> Iterator[Program]:
    for place in Path("/proc").iterdir():
        if not place.name.isdigit() or int(place.name) == os.getpid():
            continue
        try:
            watched = os.pidfd_open(int(place.name))
        except OSError:
            continue
        words = _words(place)
        parent = _parent(int(place.name))
        if parent is None or not words or Path(words[0]).parent != home or not _same_root(place):
            os.close(watched)
            continue
        yield Program(int(place.name), words, parent, watched)


def leaders(found: list[Program]) -> list[Program]:
    """Without the processes that another one of them started, and ends."""
    pids = {each.pid for each in found}
    return [each for each in found if each.parent not in pids]


def end(found: list[Program], patience: float = PATIENCE) -> None:
    """Asked first, killed when their time is over; one that the kernel cannot end is left."""
    for leader in leaders(found):
        leader.send(signal.SIGTERM)
    _wait(found, patience)
    for each in found:
        each.send(signal.SIGKILL)
    _wait(found, PATIENCE)  # the kernel takes its devices away before it is gone


def _wait(found: list[Program], patience: float) -> None:
    until = time.monotonic() + patience
    while any(each.lives() for each in found) and time.monotonic() < until:
        time.sleep(PAUSE)


async def _recover() -> int:
    from lotor.warden.warden import hold

    engines = hold()
    undone = await engines.host.recover()
    try:
        undone += await engines.host.open(await engines.host.closed())
    except OSError as error:
        click.echo(f"lotor: the host was not opened: {error.strerror or error}", err=True)
    with contextlib.suppress(OSError):
        undone += await engines.network.clean()
    return undone


def _words(place: Path) -> tuple[str, ...]:
    try:
        return tuple((place / "cmdline").read_bytes().decode("utf-8", "replace").rstrip("\0").split("\0"))
    except OSError:
        return ()


def _parent(pid: int) -> int | None:
    """None for one that does not run any more."""
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except OSError:
        return None
    return None if state in "ZXx" else int(parent)


def _same_root(place: Path) -> bool:
    try:
        return (place / "root").samefile("/")
    except OSError:
        return False


def _served(pid: int) -> bool:
    """Whether a unit of ours started it."""
    try:
        groups = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    except OSError:
        return False
    units = [part for line in groups for part in line.split("/") if part.endswith(".service")]
    return any(unit.startswith(SERVICE) for unit in units)


if __name__ == "__main__":
    main()
