"""How many logins are with PAM at a time, and whose turn is next: fair by source."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from lotor.auth.line import FairLine
from lotor.auth.workers import BusyError, Turn

MOST_PLACES = 64
"""Processes at a time, each with some 6 MiB of its own."""
ROOM = 1024
"""Logins that wait for a place at most: what modules of 50 ms do in the minute that a login may take."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    turn: Turn
    given: asyncio.Future[None] = field(repr=False)


class Places:
    """Belongs to one event loop. `way`: called where all are taken, for one from that source; whether somebody goes."""

    def __init__(self, most: int = MOST_PLACES, room: int = ROOM) -> None:
        self._free = most
        self._room = room
        self._first: FairLine[_Waiting] = FairLine()
        self._others: FairLine[_Waiting] = FairLine()

    @property
    def waiting(self) -> int:
        return len(self._first) + len(self._others)

    @property
    def next_source(self) -> Hashable | None:
        """Whose turn it is when a place is free; None when nobody waits."""
        return (self._first or self._others).next_source

    async def take(self, turn: Turn, way: Callable[[Hashable], None]) -> None:
        """Raises `BusyError`. May be cancelled; then nothing is taken."""
        if self._free and not self.waiting:
            self._free -= 1
            return
        if self.waiting >= self._room:
            raise BusyError(self.waiting)
        line = self._first if turn.first else self._others
        place = _Waiting(turn, asyncio.get_running_loop().create_future())
        line.add(turn.source, place)
        way(turn.source)
        try:
            await place.given
        except BaseException:
            line.remove(turn.source, place)
            if place.given.done() and not place.given.cancelled():
                self.give_back()
            raise

    def give_back(self) -> None:
        self._free += 1
        while self._free and (next_one := self._first.take() or self._others.take()) is not None:
            if not next_one.given.done():
                self._free -= 1
                next_one.given.set_result(None)
