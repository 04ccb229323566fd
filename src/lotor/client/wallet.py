"""Tickets with which a client's sessions come back without their logins (RFC 5723): in memory alone, one a session."""

from __future__ import annotations

import time
from collections.abc import Callable

from lotor.ike.events import Ended, Event, Renewed
from lotor.ike.questions import KeepTicket
from lotor.model.frozen import frozen
from lotor.model.network import Instant
from lotor.model.ticket import Resumption


def boot_time() -> Instant:
    """Seconds that go on while the host sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@frozen
class Kept:
    """`until`: by the clock of the wallet."""

    resumption: Resumption
    until: Instant


class Wallet:
    """As many as there are sessions. `follow` subscribes to the driver, behind whoever takes a ticket at an end."""

    def __init__(self, now: Callable[[], Instant] = boot_time) -> None:
        self._now = now
        self._kept: dict[int, Kept] = {}

    async def keep(self, asked: KeepTicket) -> None:
        self._kept[asked.session] = Kept(asked.resumption, self._now() + asked.seconds)

    def take(self, session: int) -> Kept | None:
        """The ticket of a session that is over."""
        return self._kept.pop(session, None)

    def usable(self, kept: Kept | None) -> Resumption | None:
        return kept.resumption if kept is not None and self._now() < kept.until else None

    def follow(self, event: Event) -> None:
        match event:
            case Renewed(attempt=attempt, session=session):
                newest = self._kept.pop(attempt, None)
                if newest is not None:
                    self._kept[session] = newest
            case Ended(session=session):
                self._kept.pop(session, None)
