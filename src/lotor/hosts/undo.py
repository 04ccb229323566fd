"""Makes changes with a journal, and undoes a journal: last change first, going on past what cannot be undone."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from lotor.hosts.changes import AddressMade, Change, Machine, RouteMade, RuleMade
from lotor.hosts.journal import Journal, journals
from lotor.hosts.owner import Owner

log = logging.getLogger(__name__)


async def make(machine: Machine, journal: Journal, change: Change) -> None:
    """Journal, then make. Raises `OSError`, after taking back what was half made; what was there already is not ours
    and stays."""
    journal.record(change)
    try:
        await change.make(machine)
    except FileExistsError:
        journal.forget_last()
        raise
    except OSError:
        await change.undo(machine)
        journal.forget_last()
        raise


class NotMadeError(Exception):
    """The host refused a change; nothing of it is there. The text says why."""


async def make_whole(machine: Machine, journal: Journal, change: Change) -> None:
    """Journal, then make a change that is made whole or not at all. Raises `NotMadeError`, and `OSError` when the
    journal cannot be written."""
    journal.record(change)
    try:
        await change.make(machine)
    except TimeoutError as error:  # it may have been made: it stays in the journal
        raise NotMadeError(error.strerror) from error
    except OSError as error:
        journal.forget_last()
        raise NotMadeError(error.strerror) from error


async def replace(machine: Machine, journal: Journal, old: Change, new: Change) -> None:
    """Make `new`, which takes the place of `old` at once. Raises `NotMadeError`, and then `old` stands."""
    await make_whole(machine, journal, new)
    journal.keep([change for change in journal.changes if change != old])


async def undo(machine: Machine, journal: Journal, spare: Iterable[Change] = ()) -> int:
    """How many changes were undone. `spare` are forgotten, not undone; failures stay in the journal and are told."""
    spared, stayed, undone = list(spare), [], 0
    for change in reversed(journal.changes):
        if change in spared:
            continue
        try:
            undone += await change.undo(machine)
        except OSError as error:
            log.warning("a change of this host was not undone, the next start tries again: %s", error.strerror or error)
            stayed.append(change)
    journal.keep(stayed[::-1])
    return undone


async def undo_some(machine: Machine, journal: Journal, unwanted: Sequence[Change]) -> None:
    """Undo a few of a journal's changes, the last first; the others stand. Failures stay in the journal and are
    told."""
    await _undo_those(machine, journal, lambda change: change in unwanted)


async def retract(machine: Machine, journal: Journal, changes: Iterable[AddressMade | RouteMade | RuleMade]) -> None:
    """The same for some of which there may be thousands."""
    unwanted, kinds = set(changes), (AddressMade, RouteMade, RuleMade)
    await _undo_those(machine, journal, lambda change: isinstance(change, kinds) and change in unwanted)


async def _undo_those(machine: Machine, journal: Journal, unwanted: Callable[[Change], bool]) -> None:
    stayed = []
    for change in reversed(journal.changes):
        if not unwanted(change):
            stayed.append(change)
            continue
        try:
            await change.undo(machine)
        except OSError as error:
            log.warning("a change of this host was not undone, the end tries again: %s", error.strerror or error)
            stayed.append(change)
    journal.keep(stayed[::-1])


async def recover(machine: Machine, directory: Path) -> int:
    """Undo what dead processes left in this network namespace; how many changes were undone. Never raises `OSError`."""
    undone = 0
    try:
        for file in list(journals(directory)):
            undone += await _recover(machine, file)
    except OSError as error:
        log.warning("changes that a crashed process left were not looked for: %s", error.strerror or error)
    return undone


async def _recover(machine: Machine, file: Path) -> int:
    try:
        journal = Journal.load(file)
    except (OSError, ValueError, TypeError) as error:
        log.warning("%s is not a journal that can be undone (%s): undo its changes by hand and delete it", file, error)
        return 0
    if journal.owner.lives() or journal.owner.namespace != Owner.myself().namespace:
        return 0
    return await undo(machine, journal)
