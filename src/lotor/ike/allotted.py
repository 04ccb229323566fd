"""The time that a login grants its session. When it is over the session ends, in any protocol version."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from lotor.ike.timers import Timer, Timers
from lotor.model.network import Instant

AT_ONCE_S = 5.0
"""A client that logs in anew within so many seconds takes the time that it was told for too short."""


@dataclass(slots=True)
class Allotted:
    """An alarm for each session whose time is bounded, by its number: that stays while phase 1 is renewed. `over` hears
    the number and the seconds that were granted."""

    timers: Timers
    over: Callable[[int, float], None]
    _alarms: dict[int, Timer] = field(default_factory=dict)
    _begun: dict[int, Instant] = field(default_factory=dict)

    def grant(self, session: int, seconds: float, now: Instant) -> None:
        """Sets the alarm, `seconds` from now. A login that renews phase 1 may shorten the time of its session, never
        lengthen it: a client that renews often enough would stay for ever."""
        before, end = self._alarms.get(session), now + max(0.0, seconds)
        if before is not None and before.at <= end:
            return
        self.forget(session)
        self._begun[session] = now
        self._alarms[session] = self.timers.set(end, "session time", partial(self._over, session, seconds))

    def grant_anew(self, session: int, seconds: float | None, now: Instant) -> bool:
        """Sets the alarm whatever was left; None: no end. Returns whether the one before was set a moment ago."""
        begun = self._begun.get(session)
        self.forget(session)
        if seconds is not None:
            self.grant(session, seconds, now)
        return begun is not None and now - begun < AT_ONCE_S

    def forget(self, session: int) -> None:
        """The session has ended."""
        self._begun.pop(session, None)
        alarm = self._alarms.pop(session, None)
        if alarm is not None:
            alarm.cancel()

    def _over(self, session: int, seconds: float, _: Instant) -> None:
        self.forget(session)
        self.over(session, seconds)
