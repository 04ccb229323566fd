"""Threads for slow password hashes: as many as there are processors. Hashes wait for one in a line that is fair by
source, and leave it when nobody wants the answer any more."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from lotor.auth.line import FairLine
from lotor.auth.sources import networks
from lotor.model.frozen import frozen
from lotor.model.login import LoginAttempt
from lotor.model.reasons.logins import Busy, Closing, Unjudged

T = TypeVar("T")

MOST_THREADS = 16
"""Each hashes in 19 MiB of its own."""
ROOM = 2048
"""Checks that wait at most: two processors have looked at nearly as many in the minute that a login may take."""
NICENESS = 5
"""Datagrams and handshakes go before guesses where processors are short."""


class BusyError(Exception):
    """More logins wait than could be answered in a useful time: `waiting` of them; None where the gateway ends."""

    def __init__(self, waiting: int | None) -> None:
        super().__init__(waiting)
        self.waiting = waiting

    def reason(self, user: str) -> Unjudged:
        return Closing(user) if self.waiting is None else Busy(user, self.waiting)


@frozen
class Turn:
    """For whom a check is: its `source`, and whether somebody was proved from there lately, who goes `first`."""

    source: Hashable
    first: bool = False


def turn_of(attempt: LoginAttempt) -> Turn:
    """By the widest network that one guesser may hold."""
    return Turn(networks(attempt.source)[-1], attempt.known)


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    turn: Turn
    check: Callable[[], Any]
    answer: asyncio.Future[Any] = field(repr=False)


class Workers:
    """Belongs to one event loop. `run` may be cancelled: a check that has not begun never begins."""

    def __init__(self, threads: int | None = None, room: int = ROOM) -> None:
        self._threads = threads or min(MOST_THREADS, len(os.sched_getaffinity(0)))
        self._executor = ThreadPoolExecutor(self._threads, thread_name_prefix="login", initializer=_stand_back)
        self._room = room
        self._running = 0
        self._first: FairLine[_Place] = FairLine()
        self._others: FairLine[_Place] = FairLine()

    @property
    def waiting(self) -> int:
        return len(self._first) + len(self._others)

    async def run(self, check: Callable[[], T], turn: Turn) -> T:
        """What `check` returns in a thread. Raises `BusyError`, and whatever `check` raises."""
        if self.waiting >= self._room:
            self._make_room(turn)
        place, line = _Place(turn, check, asyncio.get_running_loop().create_future()), self._line(turn)
        line.add(turn.source, place)
        self._go_on()
        try:
            answer: T = await place.answer
            return answer
        finally:
            line.remove(turn.source, place)

    def close(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _line(self, turn: Turn) -> FairLine[_Place]:
        return self._first if turn.first else self._others

    def _make_room(self, turn: Turn) -> None:
        """The newest of the source that brought the most gives way to one that has fewer; those who go first, to their
        like only. Raises `BusyError` when it is the newcomer who would have to go."""
        full = BusyError(self.waiting)
        line = self._others or self._first
        crowd = line.crowd()
        if crowd is None or (line is self._first and not turn.first):
            raise full
        source, newest = crowd
        if line is self._line(turn) and line.waiting(turn.source) + 1 >= line.waiting(source):
            raise full
        line.remove(source, newest)
        if not newest.answer.done():
            newest.answer.set_exception(full)

    def _go_on(self) -> None:
        while self._running < self._threads and (place := self._first.take() or self._others.take()) is not None:
            self._running += 1
            begun = asyncio.get_running_loop().run_in_executor(self._executor, place.check)
            begun.add_done_callback(partial(self._finished, place))

    def _finished(self, place: _Place, done: asyncio.Future[Any]) -> None:
        """Also when the caller has gone: a thread that has begun is not stopped."""
        self._running -= 1
        fault = None if done.cancelled() else done.exception()
        if not place.answer.done():
            if done.cancelled() or fault is not None:
                place.answer.set_exception(fault or BusyError(None))
            else:
                place.answer.set_result(done.result())
        self._go_on()


def _stand_back() -> None:
    """A thread of Linux has a niceness of its own."""
    with contextlib.suppress(OSError):
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, min(19, os.getpriority(os.PRIO_PROCESS, thread) + NICENESS))
