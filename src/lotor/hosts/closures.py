"""What is closed on this host: the tables of `kill_switch`, each with a file of its own, which everybody may read.

A closure outlives the connection that it was made for, and the program. It ends when somebody opens the host, or when
another connection takes its place. No reboot is outlived: the kernel forgets the tables, and the files lie in /run.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from lotor.hosts import kill_switch, nftables, undo
from lotor.hosts.changes import Closing, Machine
from lotor.hosts.journal import STATE_DIRECTORY, SUFFIX, Journal
from lotor.hosts.owner import Owner

log = logging.getLogger(__name__)

DIRECTORY = STATE_DIRECTORY.with_name("closed")
ANONYMOUS = "anonymous"
"""The name of the blocks that are for any gateway."""
EMPTY: Mapping[Path, Journal] = {}
MOST = 64
"""On a host: twice as many as connections, since one takes the place of another."""


class Closures:
    """Those of this network namespace. `held` are the ones that this process made or found."""

    def __init__(self, machine: Machine, directory: Path = DIRECTORY) -> None:
        self._machine = machine
        self._directory = directory
        self._held: dict[Path, Journal] = {}

    @property
    def held(self) -> list[Journal]:
        """Without those that another process has opened meanwhile."""
        return [each for each in self._held.values() if each.is_there()]

    async def close(self, wanted: Closing) -> Journal | None:
        """None where the host has no nftables: the log says so. `wanted` has no name yet."""
        try:
            journal, number = self._begin()
        except OSError as error:
            log.warning("kill_switch: %s: it holds as long as lotor lives", error.strerror or error)
            return None
        closing = replace(wanted, name=f"lotor-closed-{number}")
        try:
            await undo.make_whole(self._machine, journal, closing)
        except (OSError, undo.NotMadeError) as error:
            log.warning("kill_switch holds as long as lotor lives: nftables does not close the host: %s", error)
            await undo.undo(self._machine, journal)
            return None
        except BaseException:  # whoever wanted it is gone
            await undo.undo(self._machine, journal)
            raise
        self._held[journal.file] = journal
        return journal

    async def change(self, journal: Journal, wanted: Closing) -> None:
        """The same host, in another network."""
        old = closing_of(journal)
        new = replace(wanted, name=old.name)
        if new == old:
            return
        try:
            await undo.replace(self._machine, journal, old, new)
        except (OSError, undo.NotMadeError) as error:
            log.warning("the host stays closed as it was in the network before: %s", error)

    async def portal(self, journal: Journal, seconds: int) -> None:
        """Raises `OSError`."""
        await nftables.tell(self._machine.commands, kill_switch.portal(closing_of(journal).name, seconds))

    async def open(self, journal: Journal) -> bool:
        """False where the host stays closed: the log says why."""
        closings = [each for each in journal.changes if isinstance(each, Closing)]
        await undo.undo(self._machine, journal)
        if journal.changes:
            return False
        self._held.pop(journal.file, None)
        if journal.owner != Owner.myself():
            await self._once_more(closings)
        return True

    async def _once_more(self, closings: list[Closing]) -> None:
        """Another lotor may hold what a dead one left, too: one that saw the table go while the journal was still there
        has made it anew (`keeper`)."""
        for each in closings:
            with suppress(OSError):
                await each.undo(self._machine)

    def left(self) -> list[Journal]:
        """Those that no living process but this one holds."""
        return list(left(self._directory, {each.file: each for each in self.held}))

    async def find(self) -> list[Journal]:
        """What dead processes left is held from now on. One whose table is gone has been opened by somebody."""
        for journal in self.left():
            if await self._stands(journal):
                self._held[journal.file] = journal
            else:
                journal.keep([])
                self._held.pop(journal.file, None)
        return self.held

    async def _stands(self, journal: Journal) -> bool:
        try:
            return (Closing.family, closing_of(journal).name) in await nftables.tables(self._machine.commands)
        except OSError:
            return True

    def _begin(self) -> tuple[Journal, int]:
        namespace = Owner.myself().namespace
        for number in range(MOST):
            try:
                return Journal.begin(self._directory, f"{namespace}-{number}", open_to_all=True), number
            except FileExistsError:
                continue
        raise OSError(None, f"{MOST} tunnels have closed this host already")


def left(directory: Path = DIRECTORY, held: Mapping[Path, Journal] = EMPTY) -> Iterator[Journal]:
    """Closures of this network namespace that no living process holds, or that are `held`. Anybody may look."""
    owner = Owner.myself()
    for file in sorted(directory.glob(f"*{SUFFIX}")):
        try:
            journal = held[file] if file in held else Journal.load(file)
        except (OSError, ValueError, TypeError):
            continue
        free = file in held or journal.owner == owner or not journal.owner.lives()
        closes = any(isinstance(each, Closing) for each in journal.changes)
        if journal.owner.namespace == owner.namespace and free and closes:
            yield journal


def gateways(directory: Path = DIRECTORY) -> tuple[str, ...]:
    """Those that the host is closed for and nobody has a connection to. Anybody may ask."""
    return gateways_of(left(directory))


def gateways_of(journals: Iterable[Journal]) -> tuple[str, ...]:
    return tuple(sorted({closing_of(each).gateway for each in journals}))


def closing_of(journal: Journal) -> Closing:
    """The newest, where one takes the place of another just now."""
    return next(each for each in reversed(journal.changes) if isinstance(each, Closing))


def same_tunnel(closing: Closing, gateway: str, remote: str) -> bool:
    """Whether a closure is for the tunnel of that gateway, or of a block that is for one gateway only."""
    return closing.gateway == gateway or (closing.remote == remote and remote not in ("", ANONYMOUS))
