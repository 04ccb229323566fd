"""Whether the peer is there: any proved message and any opened ESP packet says so; it is asked only when neither came
for a while (RFC 7296 §2.4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lotor.ike.context import CoreContext
from lotor.ike.questions import LastInbound
from lotor.ike.signs import Signs
from lotor.ike.timers import Timer
from lotor.model.frozen import frozen
from lotor.model.network import Instant


@frozen
class Watch:
    """`delay`: seconds of silence after which `probe` is called. `children` are the SA pairs whose traffic counts."""

    context: CoreContext
    delay: float
    probe: Callable[[Instant], None]
    children: Callable[[], tuple[int, ...]]


@dataclass(slots=True)
class Liveness(Signs):
    _watch: Watch | None = None
    _timer: Timer | None = None

    def start(self, watch: Watch, now: Instant) -> None:
        """Begins to watch the peer. A `delay` of 0 never asks."""
        self.stop()
        self._watch = watch
        self._life = max(self._life, now)
        if watch.delay > 0:
            self._set(now + watch.delay)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._watch = self._timer = None

    def heard(self, now: Instant) -> None:
        """A fresh, proved message came. The running timer notices it when it is due."""
        self._life = max(self._life, now)

    def answered(self, now: Instant) -> None:
        """The probe was answered, which `heard` knows: the next silence begins."""
        if self._watch is not None and self._watch.delay > 0:
            self._set(now + self._watch.delay)

    def _set(self, at: Instant) -> None:
        if self._watch is not None:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._watch.context.timers.set(at, "liveness", self._quiet)

    def _quiet(self, now: Instant) -> None:
        """The delay is over: the traffic is looked at before the peer is asked."""
        watch = self._watch
        if watch is None:
            return
        if self._life + watch.delay > now:
            self._set(self._life + watch.delay)
        elif watch.children():
            watch.context.ask(LastInbound(watch.children()), self._traffic)
        else:
            watch.probe(now)

    def _traffic(self, last: float | None, now: Instant) -> None:
        watch = self._watch
        if watch is None:
            return
        if last is not None:
            self.heard(last)
        if self._life + watch.delay > now:
            self._set(self._life + watch.delay)
        else:
            watch.probe(now)
