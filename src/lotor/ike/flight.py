"""Retransmission: the last message sent is repeated on a schedule by the end that waits for an answer.

The octets are the same each time, fragments too: the peer may complete a message from fragments of several repetitions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lotor.ike.context import CoreContext
from lotor.ike.effects import Transmit
from lotor.ike.timers import Timer
from lotor.model.network import Instant, Path

COPY_RESTS_S = (1.0, 4.0, 2.0)
"""Seconds after the first, the second and every later answer to a stranger's message during which a copy of the message
gets no answer. Copies that all come at once get two answers in all, and a client on a bad line still gets more."""


@dataclass(slots=True)
class Flight:
    """The datagrams of the last message sent. `path` is called at each send, since the peer may have moved. `may` is
    called with the octets of a repetition, and may forbid it. `anew` is called with the number of sends before each
    repetition, and gives other datagrams of the same message, or None for the same ones."""

    context: CoreContext
    path: Callable[[], Path]
    datagrams: tuple[bytes, ...]
    may: Callable[[int], bool]
    sends: int = 0
    started: Instant = 0.0
    latest: Instant = 0.0
    anew: Callable[[int], tuple[bytes, ...] | None] | None = None
    _timer: Timer | None = None
    _intervals: tuple[float, ...] = ()
    _lost: Callable[[Instant], None] | None = None

    @property
    def octets(self) -> int:
        return sum(map(len, self.datagrams))

    def send(self, now: Instant) -> None:
        if self.sends == 0:
            self.started = now
        self.sends, self.latest = self.sends + 1, now
        for datagram in self.datagrams:
            self.context.put(Transmit(datagram, self.path()))

    def again(self, path: Path, now: Instant) -> None:
        """Answers a duplicate that came over `path`."""
        self.sends, self.latest = self.sends + 1, now
        for datagram in self.datagrams:
            self.context.put(Transmit(datagram, path))

    def rested(self, now: Instant) -> bool:
        """Whether the answer to a stranger's message may be sent again, now that a copy of the message came."""
        return now >= self.latest + COPY_RESTS_S[min(self.sends, len(COPY_RESTS_S)) - 1]

    def repeat(self, intervals: tuple[float, ...], now: Instant, lost: Callable[[Instant], None]) -> None:
        """Sends again after each interval until `stop`, if `may` agrees. After the last interval `lost` is called."""
        self._intervals, self._lost = intervals, lost
        self._wait(now)

    def _wait(self, now: Instant) -> None:
        if self._intervals:
            self._timer = self.context.timers.set(now + self._intervals[0], "retransmission", self._due)
            return
        lost, self._lost = self._lost, None
        if lost is not None:
            lost(now)

    def _due(self, now: Instant) -> None:
        if len(self._intervals) > 1 and self.anew is not None:
            self.datagrams = self.anew(self.sends) or self.datagrams
        if len(self._intervals) > 1 and self.may(self.octets):
            self.send(now)
        self._intervals = self._intervals[1:]
        self._wait(now)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = self._lost = None
