"""Peers whose events an administrator follows down to the last detail, while everybody else keeps the level of the
log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address

from lotor.ike.events import Dropped, Event, LoginRefused, LoginSent
from lotor.model.network import Peer
from lotor.runtime.line_budget import LineBudget
from lotor.runtime.whose import Whose

MOST = 8
"""Watches at a time: each event is held against each of them."""
LINES_PER_SECOND = 100
"""Of one watch. A login with everything about it has some 20."""


class Full(Exception):  # noqa: N818 - what the watches are
    """There are `MOST` watches already."""


@dataclass(frozen=True, slots=True, eq=False)
class Watch:
    """`subject`: an outer address, or the name of a login. `tell` gets the events; `missed(number)` how many were left
    out within a second."""

    subject: str
    tell: Callable[[Event], None]
    missed: Callable[[int], None]


def address_or_name(text: str) -> str:
    """An address as events write it."""
    try:
        return str(ip_address(text))
    except ValueError:
        return text


class Watches:
    """`later(seconds, call)` is the loop's `call_later`."""

    def __init__(self, later: Callable[[float, Callable[[], None]], object]) -> None:
        self._later = later
        self._open: dict[Watch, LineBudget] = {}

    def add(self, watch: Watch) -> Callable[[], None]:
        """Returns what ends it. Raises `Full`."""
        if len(self._open) >= MOST:
            raise Full

        def missed(number: int) -> None:
            if watch in self._open:
                watch.missed(number)

        def end() -> None:
            self._open.pop(watch, None)

        self._open[watch] = LineBudget(LINES_PER_SECOND, missed, self._later)
        return end

    def follow(self, event: Event, whose: Whose) -> bool:
        """Whether somebody watches whom the event is about, and has not had too many lines in this second."""
        if not self._open:
            return False
        about = _about(event, whose)
        watching = [each for each, budget in self._open.items() if each.subject in about and budget.admit()]
        for watch in watching:
            watch.tell(event)
        return bool(watching)


def _about(event: Event, whose: Whose) -> set[str]:
    """The name and the addresses that an event concerns. A name that was only claimed counts, too: who follows a person
    wants to see how a login fails."""
    peers: list[Peer | None] = [whose.peer(event.session)]
    names = [whose.user(event.session)]
    match event:
        case Dropped(path=path):
            peers.append(path.remote)
        case LoginRefused(source=source, user=user):
            peers.append(source)
            names.append(user)
        case LoginSent(user=user):
            names.append(user)
    found = {str(peer.address) for peer in peers if peer is not None}
    return found | {name for name in names if name is not None}
