"""The time that a login grants its session. When it is over the session ends, in any protocol version."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from lotor.ike.timers import Timer, Timers
from lotor.model.network import Instant


@dataclass(slots=True)
class Allotted:
    """An alarm for each session whose time is bounded, by its number: that stays while phase 1 is renewed. `over` hears
    the number and the seconds that were granted."""

    timers: Timers
    over: Callable[[int, float], None]
    _alarms: dict[int, Timer] = field(default_factory=dict)

    def grant(self, session: int, seconds: float, now: Instant) -> None:
        """Sets the alarm, `seconds` from now. A login that renews phase 1 may shorten the time of its session, never
        lengthen it: a client that renews often enough would stay for ever."""
        before, end = self._alarms.get(session), now + max(0.0, seconds)
        if before is not None and before.at <= end:
            return
        self.forget(session)
        self._alarms[session] = self.timers.set(end, "session time", partial(self._over, session, seconds))

    def forget(self, session: int) -> None:
        """The session has ended."""
        alarm = self._alarms.pop(session, None)
        if alarm is not None:
            alarm.cancel()

    def _over(self, session: int, seconds: float, _: Instant) -> None:
        self._alarms.pop(session, None)
        self.over(session, seconds)
