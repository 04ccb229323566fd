"""What becomes of one name when this gateway's file of users and the fleet are brought together: pure decisions.

Three things are known of a name: the line that is here, the one that this gateway and the fleet agreed on last
(`Seen`), and what the fleet says now (`Told`). Whoever differs from what was agreed has changed it.
"""

from __future__ import annotations

import hashlib
from dataclasses import field, replace

from lotor.auth.fleet_key import Told
from lotor.auth.userlines import LOCKED, parse
from lotor.model.frozen import frozen


@frozen
class Seen:
    """Of a name, the highest edition that this gateway knows, and `mark`, the digest of that line; empty: it is
    gone."""

    edition: int
    mark: str


@frozen
class Case:
    """`here` is the line of the file, empty where there is none. `told` None: the fleet says nothing new of it.
    `absent`: the fleet has nothing of it at all. `gateway`: this one."""

    name: str
    here: str = field(repr=False)
    seen: Seen | None
    told: Told | None
    gateway: str
    absent: bool = False

    @property
    def is_gone(self) -> bool:
        """It was in the file before, and the fleet has not heard that it is there no more."""
        return not self.here and self.seen is not None and bool(self.seen.mark)

    @property
    def changed(self) -> bool:
        return mark(self.here) != (self.seen.mark if self.seen is not None else "")


@frozen
class Decision:
    """`line` is that of the file from now on, empty: none. `seen` is known from now on; None: as before. `tell`: what
    the fleet hears, and is known once it has taken it. `lost`: the line that was here is nowhere any more. `note`: for
    the log, empty: nothing."""

    line: str = field(repr=False)
    seen: Seen | None = None
    tell: Told | None = None
    lost: bool = False
    note: str = ""


def mark(line: str) -> str:
    """Of a line; empty for none."""
    return hashlib.blake2b(line.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest() if line else ""


def seen(told: Told) -> Seen:
    return Seen(told.edition, mark(told.line))


def decided(case: Case) -> Decision:
    told, known = case.told, case.seen
    if told is None:
        return _untold(case)
    if known is None:
        return _first(case, told)
    if told.edition == known.edition and mark(told.line) == known.mark:
        return _untold(case)
    if told.edition <= known.edition:
        return _older(case, known)
    if not case.changed or case.here == told.line:
        return _taken(case, told)
    return _both(case, told)


def restored(case: Case) -> Decision:
    """The file was lost, and nobody took the name away: it comes back from the fleet."""
    told, known = case.told, case.seen
    if told is None or known is None or told.edition < known.edition:
        return Decision(case.here)
    return Decision(told.line, seen(told))


def _untold(case: Case) -> Decision:
    """The fleet has nothing new: it hears of what was changed here, and of what it has lost."""
    edition = case.seen.edition if case.seen is not None else 0
    if case.changed:
        return Decision(case.here, tell=_own(case, case.here, edition + 1))
    if case.absent and edition:
        return Decision(case.here, tell=_own(case, case.here, edition))
    return Decision(case.here)


def _first(case: Case, told: Told) -> Decision:
    """Nobody here has heard of the name: what the fleet says counts."""
    lost = bool(case.here) and case.here != told.line
    note = f"{case.name} is another one in the fleet, as {told.by} told: that one counts" if lost else ""
    return Decision(told.line, seen(told), lost=lost, note=note)


def _older(case: Case, known: Seen) -> Decision:
    """Somebody has put an older line in place of one that this gateway has seen, or two of one edition."""
    note = f"what the database says of {case.name} is older than what was there: what is here counts, and goes there"
    return Decision(case.here, tell=_own(case, case.here, known.edition + 1), note=note)


def _taken(case: Case, told: Told) -> Decision:
    lost = told.over == case.gateway and bool(case.here) and case.here != told.line
    return Decision(told.line, seen(told), lost=lost, note=_beaten(case, told) if lost else "")


def _both(case: Case, told: Told) -> Decision:
    """It was changed here and elsewhere, and neither knew of the other. A name that either took away is gone, and whom
    either locked is locked; else this change, which comes to the fleet later, counts."""
    if not told.line:
        return Decision("", seen(told), lost=True, note=_beaten(case, told))
    line = _locked(case.here) if _is_locked(told.line) else case.here
    if line == told.line:
        return Decision(line, seen(told))
    return Decision(line, tell=replace(_own(case, line, told.edition + 1), over=told.by))


def _beaten(case: Case, told: Told) -> str:
    done = "changed" if told.line else "removed"
    return f"{case.name} was {done} at {told.by} while it was changed here: that counts, and this change does not"


def _own(case: Case, line: str, edition: int) -> Told:
    return Told(case.name, edition, line, case.gateway)


def _is_locked(line: str) -> bool:
    user = parse(line)
    return user is not None and user.locked


def _locked(line: str) -> str:
    user = parse(line)
    return replace(user, flags=user.flags | {LOCKED}).line().rstrip("\n") if user is not None else line
