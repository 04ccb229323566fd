"""Who is looked at first: datagrams of proved sessions at once, those of all others a few in each turn of the loop."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterator

from lotor.ike.standing import Standing
from lotor.model.network import Instant, Path
from lotor.runtime.turns import Datagram, Line
from lotor.wire.header import cookies_of

log = logging.getLogger(__name__)

STRANGERS_A_TURN = 4
"""Datagrams of strangers in one turn of the loop: milliseconds of work, and no proved session waits for longer."""
DEFERRED_A_TURN = 64
"""And so many more that come to nothing, which takes microseconds: first messages that have to come again."""
MOST_WAITING = 256
"""In each line; what comes to a full one is dropped, and its sender repeats it."""
EACH_SESSION, EACH_SITE = 8, 64
"""Of one session whose login is under way, which sends one message after the other, and of one site."""
TURNS = (Standing.UNDER_WAY, Standing.KNOWN, Standing.UNDER_WAY, Standing.STRANGER)
"""Half of the work is for logins under way, a quarter each for newcomers from known sites and for strangers; an
empty line leaves its turn to the next."""
BETWEEN_DROP_LINES = 10.0
"""Seconds between two lines of the journal about drops."""


class AdmissionQueue:
    """`standing` is the core's."""

    def __init__(self, standing: Callable[[bytes, Path], Standing]) -> None:
        self._standing = standing
        self._lines = {
            Standing.UNDER_WAY: Line(MOST_WAITING, EACH_SESSION),
            Standing.KNOWN: Line(MOST_WAITING, EACH_SITE),
            Standing.STRANGER: Line(MOST_WAITING, EACH_SITE),
        }
        self._left, self._idle = STRANGERS_A_TURN, DEFERRED_A_TURN
        self._place = 0
        self._untold = 0
        self._told_at: Instant | None = None
        self.dropped = 0

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    @property
    def stirred(self) -> bool:
        """Whether something waits for a new turn, or whoever comes would have to. What is left of one turn is left for
        those who come in a later one."""
        return not self._left or any(self._lines.values())

    def admit(self, data: bytes, path: Path) -> bool:
        """Whether a datagram is to be looked at now; else it waits or is dropped."""
        standing = self._standing(data, path)
        if standing is Standing.PROVED:
            return True
        if self._left and not any(self._lines.values()):
            self._left -= 1
            return True
        sender: Hashable = cookies_of(data) if standing is Standing.UNDER_WAY else path.remote.site
        if not self._lines[standing].add(sender, (data, path)):
            self._untold += 1
            self.dropped += 1
        return False

    def came_to_nothing(self) -> None:
        """What was looked at last took no work."""
        if self._idle and self._left < STRANGERS_A_TURN:
            self._idle -= 1
            self._left += 1

    def turn(self, now: Instant) -> Iterator[Datagram]:
        """What is to be looked at in a new turn."""
        self._left, self._idle = STRANGERS_A_TURN, DEFERRED_A_TURN
        while self._left and (datagram := self._next()) is not None:
            self._left -= 1
            yield datagram
        if self._untold and (self._told_at is None or now >= self._told_at + BETWEEN_DROP_LINES):
            log.warning("%d datagrams of strangers were dropped: more came than could be looked at", self._untold)
            self._untold, self._told_at = 0, now

    def _next(self) -> Datagram | None:
        for _ in TURNS:
            line = self._lines[TURNS[self._place]]
            self._place = (self._place + 1) % len(TURNS)
            if line:
                return line.take()
        return None
