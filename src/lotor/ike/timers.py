"""The timers of all sessions in one heap, in the time that the runtime tells."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from lotor.ike.effects import Deadline
from lotor.model.network import Instant

Call = Callable[[Instant], None]


@dataclass(slots=True)
class Timer:
    """One alarm. `cancel` is enough: the heap forgets it later."""

    at: Instant
    why: str
    call: Call | None

    def cancel(self) -> None:
        self.call = None


LEAST_SWEPT = 64
"""With fewer alarms than these the heap is not swept of cancelled ones."""


@dataclass(slots=True)
class Timers:
    _heap: list[tuple[Instant, int, Timer]] = field(default_factory=list)
    _order: count[int] = field(default_factory=count)
    _sweep_at: int = LEAST_SWEPT

    def set(self, at: Instant, why: str, call: Call) -> Timer:
        timer = Timer(at, why, call)
        heapq.heappush(self._heap, (at, next(self._order), timer))
        if len(self._heap) >= self._sweep_at:
            self._sweep()
        return timer

    def _sweep(self) -> None:
        """Removes cancelled alarms early: the time that they were set for may be years away. Each sweep doubles the
        next bound."""
        self._heap = [entry for entry in self._heap if entry[2].call is not None]
        heapq.heapify(self._heap)
        self._sweep_at = max(LEAST_SWEPT, 2 * len(self._heap))

    def run(self, now: Instant) -> None:
        """Calls every alarm that is due. An alarm that such a call sets for now or the past waits for the next run."""
        due = []
        while self._heap and self._heap[0][0] <= now:
            due.append(heapq.heappop(self._heap)[2])
        for timer in due:
            call, timer.call = timer.call, None
            if call is not None:
                call(now)

    def deadline(self) -> Deadline | None:
        while self._heap and self._heap[0][2].call is None:
            heapq.heappop(self._heap)
        return Deadline(self._heap[0][0], self._heap[0][2].why) if self._heap else None
