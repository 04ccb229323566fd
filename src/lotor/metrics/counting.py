"""Counts what happens since the start of the program: follows the events of the core."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from lotor.ike.events import (
    ChildUp,
    Dead,
    Dropped,
    Ended,
    Event,
    LoggedIn,
    LoginRefused,
    PhaseOneUp,
    Regranted,
    Renewed,
    Started,
    Up,
)
from lotor.metrics.families import BUCKETS
from lotor.model.network import Instant


@dataclass(slots=True)
class Histogram:
    """Durations in seconds. `counts` has one place for each of `BUCKETS`, and a last one for what is longer."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    total: float = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds


class Counting:
    """`now` is the core's clock. Labels are kinds of reasons, so that nobody outside can make up new ones; sessions are
    remembered for as long as the core has them."""

    def __init__(self, now: Callable[[], Instant]) -> None:
        self._now = now
        self._began: dict[int, Instant] = {}
        self._up: set[int] = set()
        self.counters: Counter[tuple[str, tuple[str, ...]]] = Counter()
        self.histograms = {"lotor_handshake_seconds": Histogram(), "lotor_connect_seconds": Histogram()}

    def follow(self, event: Event) -> None:  # noqa: C901 - a row for each event
        match event:
            case Started(session=session):
                self._began[session] = self._now()
            case PhaseOneUp(session=session):
                self._took("lotor_handshake_seconds", session)
            case LoggedIn():
                self._count("lotor_logins_total", "accepted")
            case LoginRefused(reason=reason):
                self._count("lotor_logins_total", "refused")
                self._count("lotor_logins_refused_total", reason.kind.value)
            case Up(session=session):
                self._took("lotor_connect_seconds", session)
                self._began.pop(session, None)
                self._up.add(session)
            case Renewed(attempt=attempt):
                self._began.pop(attempt, None)
                self._count("lotor_renewals_total")
            case Regranted():
                self._count("lotor_sessions_changed_total")
            case ChildUp():
                self._count("lotor_sa_pairs_total")
            case Dead():
                self._count("lotor_peers_dead_total")
            case Dropped(reason=reason):
                self._count("lotor_messages_dropped_total", reason.kind.value)
            case Ended():
                self._end(event)

    def _end(self, event: Ended) -> None:
        self._began.pop(event.session, None)
        ended = event.session in self._up
        self._up.discard(event.session)
        name = "lotor_sessions_ended_total" if ended else "lotor_attempts_failed_total"
        self._count(name, event.reason.kind.value)

    def _count(self, name: str, *labels: str) -> None:
        self.counters[name, labels] += 1

    def _took(self, name: str, session: int) -> None:
        began = self._began.get(session)
        if began is not None:
            self.histograms[name].add(self._now() - began)
