"""Who is looked at first: datagrams of proved sessions at once, those of strangers a few in each turn of the loop."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterator

from lotor.ike.events import Ended, Event, PathChanged, Renewed, Up
from lotor.ike.standing import Standing
from lotor.model.network import Instant, Path, Peer

log = logging.getLogger(__name__)

FEW = 4
"""Datagrams of strangers in one turn of the loop: milliseconds of work, and no proved session waits for longer."""
MOST_WAITING = 256
"""In each of the two queues; what comes to a full one is dropped, and its sender repeats it."""
SILENCE = 10.0
"""Seconds between two lines of the journal about drops."""

Datagram = tuple[bytes, Path]


class WaitingRoom:
    """Logins that are under way go before those that begin, and so does whoever writes from where a session is up: its
    phase 1 may be renewed. `standing` is the core's."""

    def __init__(self, standing: Callable[[bytes, Path], Standing]) -> None:
        self._standing = standing
        self._under_way: deque[Datagram] = deque()
        self._strangers: deque[Datagram] = deque()
        self._left = FEW
        self._homes: dict[int, Peer] = {}
        self._known: Counter[Peer] = Counter()
        self._untold = 0
        self._told_at: Instant | None = None
        self.dropped = 0

    @property
    def stirred(self) -> bool:
        """Whether a new turn changes anything."""
        return self._left < FEW

    def admit(self, data: bytes, path: Path) -> bool:
        """Whether a datagram is to be looked at now; else it waits or is dropped."""
        standing = self._standing(data, path)
        if standing is Standing.PROVED:
            return True
        if self._left and not self._under_way and not self._strangers:
            self._left -= 1
            return True
        known = standing is Standing.UNDER_WAY or path.remote in self._known
        queue = self._under_way if known else self._strangers
        if len(queue) < MOST_WAITING:
            queue.append((data, path))
        else:
            self._untold += 1
            self.dropped += 1
        return False

    def turn(self, now: Instant) -> Iterator[Datagram]:
        """What is to be looked at in a new turn."""
        self._left = FEW
        while self._left and (queue := self._under_way or self._strangers):
            self._left -= 1
            yield queue.popleft()
        if self._untold and (self._told_at is None or now >= self._told_at + SILENCE):
            log.warning("%d datagrams of strangers were dropped: more came than could be looked at", self._untold)
            self._untold, self._told_at = 0, now

    def follow(self, event: Event) -> None:
        """Where sessions are up."""
        match event:
            case (
                Up(session=session, path=path)
                | PathChanged(session=session, new=path)
                | Renewed(session=session, path=path)
            ):
                self._leave(session)
                self._homes[session] = path.remote
                self._known[path.remote] += 1
            case Ended(session=session):
                self._leave(session)

    def _leave(self, session: int) -> None:
        home = self._homes.pop(session, None)
        if home is None:
            return
        self._known[home] -= 1
        if not self._known[home]:
            del self._known[home]
