"""When a connection that is to stay comes back: a state machine without clocks, sockets or dice.

It is told what happened, and asked what is to be done now: dial, ask the gateway for life, or wait. Time is that of a
monotonic clock that stands still while the host sleeps (CLOCK_MONOTONIC); the difference to one that goes on
(CLOCK_BOOTTIME) tells that it slept.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from math import inf

from lotor.model.frozen import frozen
from lotor.model.network import Instant
from lotor.model.reason import Cause, Reason

SOON = 60.0
"""Seconds after a loss in which a gateway that is started anew is found at once."""
SHORT_PAUSE = 1.0
"""Seconds between two attempts in that time."""
LONGEST_PAUSE = 60.0
GROWTH = 1.5
JITTER = 0.25
"""Part of a pause that is left to chance, so that the clients of a gateway do not come back all at once."""
UNJUDGED_PAUSE = 10.0
"""Seconds after a gateway had no room to judge a login."""
SHORT_CALL, LONG_CALL = 3.0, 15.0
"""Seconds for a gateway that is silent, in the first time and later: its first message is sent anew in each call."""
STEADY = 30.0
"""Seconds after which a connection counts as one that stays: what is taken away sooner comes back ever more slowly."""
CALM = 1.0
"""Seconds between two answers to news of the network."""
DOUBT_PAUSE = 10.0
"""Seconds between two questions because of a doubt, which anybody can raise."""
JUDGING = 10.0
"""Seconds for the verdict on a login that was sent. Another network is no reason to send the password anew before:
where it is wrong by now, each time counts as a guess."""
SILENT = 1.5
"""Seconds without a packet from the gateway, behind traffic of either direction, until that is a doubt."""
SILENCE_PAUSE = 3.0
"""Seconds between two questions because of silence, which traffic in one direction is."""
SLEPT = 1.0
"""Seconds that one clock gains on the other: the host slept."""


class Step(Enum):
    """What is to be done now. `DIAL`: also while a call is under way, which is then given up."""

    DIAL = auto()
    CHECK = auto()
    WAIT = auto()
    STOP = auto()


class _State(Enum):
    UP = auto()
    DOWN = auto()
    CALLING = auto()
    STOPPED = auto()


@frozen
class Now:
    """The same instant on both clocks, in seconds."""

    awake: Instant
    boot: Instant


class Comeback:
    """One connection that is to stay. `chance` gives a number from 0 to 1. It begins as one that is down."""

    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance
        self._state = _State.DOWN
        self._due: Instant = -inf
        self._called: Instant = -inf
        self._lost: Instant | None = None
        self._came_up: Instant = -inf
        self._asked: Instant = -inf
        self._judged: Instant = -inf
        self._pause = SHORT_PAUSE
        self._ahead: float | None = None
        self._traffic = (0, 0)
        self._received: Instant = -inf
        self._lively = False
        self.reason: Reason | None = None

    # --- what happened -----------------------------------------------------------------------------------------------

    def up(self, now: Instant) -> None:
        self._state, self._due, self._came_up = _State.UP, inf, now
        self._traffic, self._received, self._lively, self.reason = (0, 0), now, False, None

    def ended(self, reason: Reason, now: Instant) -> None:
        """The session ended, or a call came to nothing."""
        self.reason = reason
        if not reason.may_heal():
            self._state, self._due = _State.STOPPED, inf
            return
        steady = self._state is _State.UP and now >= self._came_up + STEADY
        if steady or self._lost is None:
            self._lost, self._pause = now, SHORT_PAUSE
        elsewhere = reason.cause is Cause.ADMINISTRATOR
        soonest = max(now, self._called + CALM) if elsewhere else now + self._next_pause(reason, now)
        self._due = now if steady else soonest
        self._state = _State.DOWN

    def network_changed(self, now: Instant) -> None:
        """Links, addresses or routes of this host are others."""
        if self._state is _State.UP:
            self._due = min(self._due, max(now, self._asked + CALM))
        elif self._state is not _State.STOPPED:
            self._lost, self._pause = now, SHORT_PAUSE
            if self._state is _State.CALLING and now < self._judged:
                self._due = self._judged
                return
            self._state, self._due = _State.DOWN, min(max(now, self._called + CALM), max(now, self._due))

    def login_sent(self, now: Instant) -> None:
        """The gateway asked for the login in a call, and gets it."""
        if self._state is _State.CALLING:
            self._judged = now + JUDGING

    def looked(self, now: Now) -> None:
        """The clocks were read: a sleep is a change of the network."""
        ahead = now.boot - now.awake
        if self._ahead is not None and ahead > self._ahead + SLEPT:
            self._called = self._asked = -inf
            self.network_changed(now.awake)
        self._ahead = ahead

    def carried(self, sent: int, received: int, now: Instant) -> None:
        """So many packets the SA pairs of the session have carried by now."""
        before, self._traffic = self._traffic, (sent, received)
        if received != before[1]:
            self._received = now
        self._lively = self._lively or self._traffic != before
        if self._state is _State.UP and self._lively and now >= self._received + SILENT:
            self._due = min(self._due, max(now, self._asked + SILENCE_PAUSE))

    def doubted(self, now: Instant) -> None:
        """Something says that the gateway does not have the session any more; nothing proves it."""
        if self._state is _State.UP:
            self._due = min(self._due, max(now, self._asked + DOUBT_PAUSE))

    # --- what is to be done ------------------------------------------------------------------------------------------

    def step(self, now: Instant) -> Step:
        if self._state is _State.STOPPED:
            return Step.STOP
        if now < self._due:
            return Step.WAIT
        self._due = inf
        if self._state is _State.UP:
            self._asked, self._lively = now, False
            return Step.CHECK
        self._state, self._called, self._judged = _State.CALLING, now, -inf
        return Step.DIAL

    @property
    def due(self) -> Instant:
        """When `step` will say something else, if nothing happens before; infinite for never."""
        return self._due

    @property
    def calling(self) -> bool:
        return self._state is _State.CALLING

    @property
    def is_up(self) -> bool:
        return self._state is _State.UP

    def patience(self, now: Instant) -> float:
        """Seconds for a call that nobody answers."""
        return SHORT_CALL if self._is_soon(now) else LONG_CALL

    def _is_soon(self, now: Instant) -> bool:
        return self._lost is None or now < self._lost + SOON

    def _next_pause(self, reason: Reason, now: Instant) -> float:
        if not self._is_soon(now):
            self._pause = min(LONGEST_PAUSE, self._pause * GROWTH)
        unjudged = reason.cause in (Cause.NOT_JUDGED, Cause.POOL_EXHAUSTED, Cause.ALREADY_CONNECTED)
        pause = max(self._pause, UNJUDGED_PAUSE) if unjudged else self._pause
        return pause * (1 - JITTER * self._chance())
