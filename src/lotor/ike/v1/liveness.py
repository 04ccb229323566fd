"""Dead peer detection (RFC 3706). Any proved message and any opened ESP packet is a sign of life; a probe is sent only
when neither came for a while."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lotor.ike.context import CoreContext
from lotor.ike.questions import LastInbound
from lotor.ike.signs import Signs
from lotor.ike.stale import SAME_PACKET_S
from lotor.ike.timers import Timer
from lotor.model.frozen import frozen
from lotor.model.network import Instant
from lotor.model.policy import Dpd

PROBES_KEPT = 4
"""Times of probes that wait for their answer: on a slow way the next goes out before the answer to the last comes."""


@frozen
class Watch:
    """`probe` sends R-U-THERE with a sequence number. `dead` is called once. `children` are the SA pairs whose traffic
    counts."""

    context: CoreContext
    dpd: Dpd
    probe: Callable[[int, Instant], None]
    dead: Callable[[Instant], None]
    children: Callable[[], tuple[int, ...]]


@dataclass(slots=True)
class Liveness(Signs):
    _watch: Watch | None = None
    _timer: Timer | None = None
    _first: int = 0
    _sequence: int = 0
    _unanswered: int = 0
    _theirs: int = -1
    _probed: tuple[tuple[int, Instant], ...] = ()

    def start(self, watch: Watch, now: Instant) -> None:
        """Begins to watch the peer. A `delay` of 0 never probes."""
        self.stop()
        self._watch = watch
        self._life = now
        if not self._sequence:
            self._first = self._sequence = watch.context.randomness.sequence()
        if watch.dpd.delay > 0:
            self._set(now + watch.dpd.delay, self._quiet)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._watch = self._timer = None

    def heard(self, now: Instant) -> None:
        """A fresh, proved message came. The running timer notices it when it is due."""
        self._life = now
        self._unanswered = 0

    def acknowledged(self, sequence: int, now: Instant) -> bool:
        """R-U-THERE-ACK of the peer. True when it answers one of the probes since the last sign of life."""
        if not self._sequence - self._unanswered < sequence <= self._sequence:
            return False
        self.heard(now)
        return True

    def round_trip(self, sequence: int, now: Instant) -> float | None:
        """Seconds from a scheduled probe to its answer; None for an answer to another one. Older probes tell nothing
        any more."""
        at = dict(self._probed).get(sequence)
        self._probed = tuple(each for each in self._probed if each[0] > sequence)
        return now - at if at is not None else None

    def number(self) -> int:
        """The number of an extra probe. Its answer counts like any other."""
        self._unanswered += 1
        self._sequence += 1
        return self._sequence

    def is_ours(self, sequence: int) -> bool:
        """Whether R-U-THERE with this number is one of this end: the hash of the message tells no direction, so that
        anybody on the way can send it back."""
        return self._first < sequence <= self._sequence

    def is_fresh(self, sequence: int) -> bool:
        """R-U-THERE of the peer. True when its number is higher than all before, which a replayed one is not."""
        fresh = sequence > self._theirs
        self._theirs = max(sequence, self._theirs)
        return fresh

    def _set(self, at: Instant, call: Callable[[Instant], None]) -> None:
        if self._watch is not None:
            self._timer = self._watch.context.timers.set(at, "dead peer detection", call)

    def _quiet(self, now: Instant) -> None:
        """The delay is over: the traffic is looked at before the peer is probed."""
        watch = self._watch
        if watch is None:
            return
        if self._life + watch.dpd.delay > now:
            self._set(self._life + watch.dpd.delay, self._quiet)
        elif watch.children():
            watch.context.ask(LastInbound(watch.children()), self._traffic)
        else:
            self._probe(now)

    def _traffic(self, last: float | None, now: Instant) -> None:
        watch = self._watch
        if watch is None:
            return
        if last is not None and last > self._life + SAME_PACKET_S:
            self.heard(last)
        if self._life + watch.dpd.delay > now:
            self._set(self._life + watch.dpd.delay, self._quiet)
        else:
            self._probe(now)

    def _probe(self, now: Instant) -> None:
        watch = self._watch
        if watch is None:
            return
        if self._unanswered >= watch.dpd.maxfail:
            self.stop()
            watch.dead(now)
            return
        number = self.number()
        self._probed = (*self._probed[-PROBES_KEPT + 1 :], (number, now))
        watch.probe(number, now)
        self._set(now + watch.dpd.retry, self._retry)

    def _retry(self, now: Instant) -> None:
        watch = self._watch
        if watch is None:
            return
        if self._unanswered == 0:
            self._set(self._life + watch.dpd.delay, self._quiet)
        elif watch.children():
            watch.context.ask(LastInbound(watch.children()), self._traffic)
        else:
            self._probe(now)
