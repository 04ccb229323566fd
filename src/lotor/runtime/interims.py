"""When accounts are told of between their start and their stop: each in its own time, a bounded number at once."""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Awaitable, Callable

from lotor.model.network import Instant
from lotor.runtime.faults import trace

log = logging.getLogger(__name__)

TURN_S = 0.5
"""Between two looks at who is due."""
AT_ONCE = 200
"""Accounts that are told of in one turn, so 400 a second: 65,000 sessions with an interval of three minutes. Where more
are due, they wait."""
UNSURE_S = 60.0
"""An account that nobody wants to hear of is asked about again after so long: a reload may have changed that."""
MOST_STALE = 1024
"""Turns of sessions that have ended, beside as many as there are sessions: with long intervals they would pile up."""
GOLDEN = 0.6180339887
"""The fractions of its multiples are spread evenly, however many there are."""


class Interims:
    """`interval`: seconds between two records of a session, None for none; `tell` hears which sessions are due. A first
    record comes after half of an interval to all of it: sessions that came at once are spread."""

    def __init__(
        self,
        interval: Callable[[int], float | None],
        tell: Callable[[list[int]], Awaitable[None]],
        now: Callable[[], Instant],
    ) -> None:
        self._interval = interval
        self._tell = tell
        self._now = now
        self._open: dict[int, Instant] = {}
        self._due: list[tuple[Instant, int]] = []
        self._task: asyncio.Task[None] | None = None

    def begin(self, session: int) -> None:
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._go_on())
        self._put(session, 0.5 + (session * GOLDEN % 1) / 2)

    def end(self, session: int) -> None:
        self._open.pop(session, None)
        if len(self._due) > 2 * len(self._open) + MOST_STALE:
            self._due = [(at, session) for session, at in self._open.items()]
            heapq.heapify(self._due)

    def stop(self) -> None:
        self._open.clear()
        self._due.clear()
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def look(self) -> None:
        """Tells of those that are due now."""
        due: list[int] = []
        now = self._now()
        while self._due and self._due[0][0] <= now and len(due) < AT_ONCE:
            at, session = heapq.heappop(self._due)
            if self._open.get(session) != at:
                continue  # it has ended
            if self._interval(session) is not None:
                due.append(session)
            self._put(session)
        if due:
            await self._tell(due)

    def _put(self, session: int, share: float = 1.0) -> None:
        """`share` of an interval from now on."""
        at = self._now() + share * (self._interval(session) or UNSURE_S)
        self._open[session] = at
        heapq.heappush(self._due, (at, session))

    async def _go_on(self) -> None:
        while True:
            await asyncio.sleep(TURN_S)
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - those of the next turn are told of all the same
                log.error("internal error: accounts between start and stop: %s", trace(error))  # noqa: TRY400
