"""Retransmission: what was sent last, repeated on a schedule by whoever awaits an answer.

The octets are the same each time, fragments too: the peer may complete a message from pieces of several repetitions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lotor.ike.desk import Desk
from lotor.ike.effects import Transmit
from lotor.ike.timers import Timer
from lotor.model.network import Instant, Path

COPY_RESTS_S = (1.0, 4.0, 2.0)
"""Seconds after the first, the second and every later answer to a stranger's message in which no copy has another: who
sends one message, and all its copies at once, gets two, and a client on a bad line still gets more."""


@dataclass(slots=True)
class Flight:
    """The datagrams of the last message sent. `path` is asked at each send: the peer may have moved. `may` is asked
    with the octets of a repetition."""

    desk: Desk
    path: Callable[[], Path]
    datagrams: tuple[bytes, ...]
    may: Callable[[int], bool]
    sends: int = 0
    started: Instant = 0.0
    latest: Instant = 0.0
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
            self.desk.put(Transmit(datagram, self.path()))

    def again(self, path: Path, now: Instant) -> None:
        """A duplicate of what this answers came over `path`."""
        self.sends, self.latest = self.sends + 1, now
        for datagram in self.datagrams:
            self.desk.put(Transmit(datagram, path))

    def rested(self, now: Instant) -> bool:
        """Whether the answer to a stranger's message may leave once more, now that a copy of it came."""
        return now >= self.latest + COPY_RESTS_S[min(self.sends, len(COPY_RESTS_S)) - 1]

    def repeat(self, intervals: tuple[float, ...], now: Instant, lost: Callable[[Instant], None]) -> None:
        """Send again after each interval until `stop`, where `may` agrees; call `lost` after the last."""
        self._intervals, self._lost = intervals, lost
        self._wait(now)

    def _wait(self, now: Instant) -> None:
        if self._intervals:
            self._timer = self.desk.timers.set(now + self._intervals[0], "retransmission", self._due)
            return
        lost, self._lost = self._lost, None
        if lost is not None:
            lost(now)

    def _due(self, now: Instant) -> None:
        if len(self._intervals) > 1 and self.may(self.octets):
            self.send(now)
        self._intervals = self._intervals[1:]
        self._wait(now)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = self._lost = None
