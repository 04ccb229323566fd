"""The file of users of one gateway brought together with what the fleet has: opened, decided, written, and sealed."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from lotor.auth.facts import FactError, group_name
from lotor.auth.fleet_key import LONGEST_LINE, FleetKey, Told
from lotor.auth.shared_lines import Case, Decision, Seen, decided, restored, seen
from lotor.auth.shared_state import SharedState
from lotor.auth.userlines import GROUP, Broken, Lines, LocalGroup, LocalUser, entry_of
from lotor.auth.users import UserError, UserFile, check_name
from lotor.files import writing
from lotor.files.private import read_private
from lotor.model.frozen import frozen
from lotor.model.text import clean
from lotor.ports.fleet import UserLine

log = logging.getLogger(__name__)

FEW = 10
"""Names that may be gone from the file at once, whoever they are; of more than these, at most half of all."""
MOST_NOTES = 20
"""Lines of the log of one round."""
LARGEST_REPLACED = 1 << 24
"""Octets of the lines that were replaced; the oldest ones go."""


@frozen
class Wish:
    """To be written over what has this version; 0: over nothing."""

    told: Told
    sealed: bytes = field(repr=False)
    version: int


@dataclass(slots=True)
class _Round:
    tell: list[Told] = field(default_factory=list)
    learned: dict[str, Seen] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Sharing:
    """Its methods block, and raise `UserError` and `FileError`; then the round is made again. `gateway` is this one's
    name. `wants_whole`: the next round is to be with all that the fleet has."""

    def __init__(self, users: UserFile, key: FleetKey, state: SharedState, gateway: str) -> None:
        self._users, self._key, self._state, self._gateway = users, key, state, gateway
        self._versions: dict[str, int] = {}
        self._open: dict[str, Told] = {}
        """What the fleet told, and is not agreed on yet."""
        self._closed: set[str] = set()
        """Names of which the fleet has what this gateway cannot read."""
        self._former: list[str] = []
        self._known: dict[str, Seen] = {}
        self._loaded = False
        self.wants_whole = True

    @property
    def replaced(self) -> Path:
        """Lines of this gateway that the fleet's stand in place of."""
        return self._users.path.with_name(f"{self._users.path.name}.replaced")

    def bring(self, found: Iterable[UserLine], *, whole: bool) -> tuple[Wish, ...] | None:
        """One round with the changes that were `found`; `whole`: with all that the fleet has. Returns what the fleet is
        to hear. None: somebody has the file at this moment."""
        if not self._loaded:
            self._known, self._loaded = self._state.load(), True
        round_ = _Round(notes=self._unseal(found, whole=whole))
        if not self._users.edit(lambda lines, empty: self._merge(lines, round_, empty=empty, whole=whole)):
            return None
        self._known.update(round_.learned)
        self._state.save(self._known)
        self._open = {name: told for name, told in self._open.items() if told.edition > self._edition(name)}
        self._tell_notes(round_.notes)
        return tuple(Wish(each, self._key.seal(each), self._versions.get(each.name, 0)) for each in round_.tell)

    def took(self, wish: Wish, version: int) -> None:
        """The fleet has it now, under this version."""
        self._versions[wish.told.name] = version
        self._known[wish.told.name] = seen(wish.told)
        self._open.pop(wish.told.name, None)

    def settle(self) -> None:
        """After the last `took` of a round."""
        self._state.save(self._known)

    def _edition(self, name: str) -> int:
        known = self._known.get(name)
        return known.edition if known is not None else 0

    def _unseal(self, found: Iterable[UserLine], *, whole: bool) -> list[str]:
        if whole:
            self._versions, self._open, self._closed, self.wants_whole = {}, {}, set(), False
        closed: list[str] = []
        for each in found:
            self._versions[each.name] = each.version
            self._closed.discard(each.name)
            told = self._key.opened(each.name, each.sealed)
            if told is not None and _is_whole(told):
                self._open[each.name] = told
            else:
                self._closed.add(each.name)
                closed.append(each.name)
        if not closed:
            return []
        names = ", ".join(clean(each) for each in closed[:MOST_NOTES])
        return [f"what the database says of {names} no gateway with this fleet key has written, or a newer lotor has"]

    def _merge(self, lines: Lines, round_: _Round, *, empty: bool, whole: bool) -> None:
        entries = {_name(entry): entry for entry in lines.entries()}
        here = {name: text for name, entry in entries.items() if (text := _text(entry, name)) is not None}
        withheld = entries.keys() - here.keys() | self._closed
        restores = self._restores(here.keys() | withheld, round_, empty=empty, whole=whole)
        for name in {**here, **self._known, **self._open}.keys() - withheld:
            absent = whole and name not in self._versions
            case = Case(name, here.get(name, ""), self._known.get(name), self._open.get(name), self._gateway, absent)
            decision = restored(case) if restores and case.is_gone else decided(case)
            self._note(case, decision, round_)
            _put(lines, case, decision, round_)
        self._keep(round_.lost)

    def _restores(self, here: set[str], round_: _Round, *, empty: bool, whole: bool) -> bool:
        """Whether names that are gone from the file are so by an accident: then nobody tells the fleet."""
        live = {name for name, each in self._known.items() if each.mark}
        gone = len(live - here)
        if not gone or not (empty or (gone > FEW and 2 * gone > len(live))):
            return False
        self.wants_whole = not whole
        path = self._users.path
        round_.notes.append(
            f"{path}: {gone} of {len(live)} users of the fleet are gone at once: they are written again"
        )
        return True

    def _note(self, case: Case, decision: Decision, round_: _Round) -> None:
        if decision.note:
            round_.notes.append(f"{decision.note}{f' and is kept in {self.replaced}' if decision.lost else ''}")
        if decision.lost:
            round_.lost.append(case.here)

    def _keep(self, lost: list[str]) -> None:
        """Before anything is overwritten. Raises `FileError`."""
        if not (kept := [each for each in lost if each]):
            return
        former = read_private(self.replaced, largest=2 * LARGEST_REPLACED) if self.replaced.exists() else b""
        when = time.strftime("%Y-%m-%d %H:%M:%S %z")
        octets = former + "".join([f"# replaced by the fleet's, {when}\n", *(f"{each}\n" for each in kept)]).encode()
        if len(octets) > LARGEST_REPLACED:
            octets = octets[-LARGEST_REPLACED:].partition(b"\n")[2]
        writing.replace(self.replaced, octets)

    def _tell_notes(self, notes: list[str]) -> None:
        new = [each for each in notes if each not in self._former]
        self._former = notes
        for each in new[:MOST_NOTES]:
            log.warning("users of the fleet: %s", each)
        if len(new) > MOST_NOTES:
            log.warning("users of the fleet: %d lines like these in all", len(new))


def _put(lines: Lines, case: Case, decision: Decision, round_: _Round) -> None:
    entry = entry_of(decision.line) if decision.line else None
    if isinstance(entry, LocalUser | LocalGroup) and decision.line != case.here:
        lines.put(entry)
    elif case.here and not decision.line:
        lines.drop(case.name)
    if decision.seen is not None:
        round_.learned[case.name] = decision.seen
    if decision.tell is not None:
        round_.tell.append(decision.tell)


def _name(entry: LocalUser | LocalGroup | Broken) -> str:
    return GROUP + entry.name if isinstance(entry, LocalGroup) else entry.name


def _text(entry: LocalUser | LocalGroup | Broken, name: str) -> str | None:
    """None for a line that is not shared: it is wrong, or longer than what crosses."""
    if isinstance(entry, Broken) or not _is_name(name):
        return None
    text = entry.line().rstrip("\n")
    return text if len(text.encode()) <= LONGEST_LINE else None


def _is_name(name: str) -> bool:
    try:
        if name.startswith(GROUP):
            return bool(group_name(name.removeprefix(GROUP)))
        check_name(name)
    except (UserError, FactError):
        return False
    return True


def _is_whole(told: Told) -> bool:
    """What the other gateway wrote is one line of that name, as this lotor would write it: otherwise each of two
    versions would change the other's for ever."""
    if not _is_name(told.name) or not told.line:
        return _is_name(told.name)
    entry = entry_of(told.line)
    named = isinstance(entry, LocalUser | LocalGroup) and _name(entry) == told.name
    return named and entry is not None and _text(entry, told.name) == told.line
