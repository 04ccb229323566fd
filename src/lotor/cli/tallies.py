"""What the daemon counts since it started, as figures of the last minute: failures, drops, and processor time."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import field
from typing import TYPE_CHECKING

from lotor.model.frozen import frozen

if TYPE_CHECKING:
    from lotor.metrics.view import MetricsView

MINUTE = 60.0
MOST_KEPT = 120
"""Counts of a minute, if one comes every half second."""
REFUSED, FAILED = "lotor_logins_refused_total", "lotor_attempts_failed_total"
PACKETS, MESSAGES = "lotor_packets_dropped_total", "lotor_messages_dropped_total"
NAMES = (REFUSED, FAILED, PACKETS, MESSAGES)


@frozen
class Tally:
    """Counters by family and reason, and seconds of processor time by process, at one time."""

    at: float
    counts: dict[str, Counter[str]]
    processor: dict[str, float] = field(default_factory=dict)


@frozen
class Lately:
    """The last `seconds`, a minute at most. `counts` by family and reason, without those that did not happen; `load`:
    share of one processor, by process, since the tally before."""

    seconds: float
    counts: dict[str, Counter[str]]
    load: dict[str, float]

    def of(self, name: str) -> Counter[str]:
        return self.counts.get(name, Counter())


def tally(view: MetricsView, at: float, spent: Callable[[int], float | None]) -> Tally:
    """`spent`: seconds of processor time of a process, None where nobody tells."""
    counts = {}
    for name in NAMES:
        samples = view["families"].get(name, [])
        counts[name] = Counter({"".join(each["labels"]): round(each["value"]) for each in samples})
    times = {name: spent(pid) for name, pid in view["processes"].items()}
    return Tally(at, counts, {name: seconds for name, seconds in times.items() if seconds is not None})


class Minute:
    """Tallies of the last minute."""

    def __init__(self) -> None:
        self._kept: deque[Tally] = deque(maxlen=MOST_KEPT)

    def add(self, newest: Tally) -> None:
        """A daemon that was started again counts from nothing."""
        if self._kept and _fell(self._kept[-1], newest):
            self._kept.clear()
        while len(self._kept) > 1 and self._kept[1].at <= newest.at - MINUTE:
            self._kept.popleft()
        self._kept.append(newest)

    def lately(self) -> Lately | None:
        """None before the second tally."""
        if len(self._kept) < 2:
            return None
        first, before, last = self._kept[0], self._kept[-2], self._kept[-1]
        counts = {name: last.counts[name] - first.counts[name] for name in NAMES}
        seconds = last.at - before.at
        known = before.processor.keys() & last.processor.keys() if seconds > 0 else set()
        load = {name: (last.processor[name] - before.processor[name]) / seconds for name in sorted(known, reverse=True)}
        return Lately(last.at - first.at, counts, load)


def _fell(before: Tally, newest: Tally) -> bool:
    return any(newest.counts[name][reason] < count for name in NAMES for reason, count in before.counts[name].items())
