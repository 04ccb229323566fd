"""The journal: each event becomes one log line with its session and user; strangers cannot flood it."""

from __future__ import annotations

import logging
from collections.abc import Callable

from lotor.ike.events import Configured, Ended, Event, LoggedIn, Renewed, Started, Turned, Up
from lotor.model.policy import Side
from lotor.model.text import clean

log = logging.getLogger("lotor.journal")

STRANGERS_PER_SECOND = 20
WINDOW = 1.0
LONGEST_STORY = 4096


class Journal:
    """`later(seconds, call)` is the loop's `call_later`. `story` tells a session that has ended as one line, for the
    debug journal."""

    def __init__(
        self, later: Callable[[float, Callable[[], None]], object], story: Callable[[int], str] = lambda _: ""
    ) -> None:
        self._later = later
        self._story = story
        self._users: dict[int, str] = {}
        self._own: set[int] = set()
        self._lines = 0
        self._swallowed = 0

    def follow(self, event: Event) -> None:
        """A line for one event. Nothing of a peer's octets reaches the log but through `clean`."""
        self._learn(event)
        if not log.isEnabledFor(event.level):
            self._unlearn(event)
            return
        if self._from_stranger(event) and not self._admit():
            self._unlearn(event)
            return
        # Not log.log(): looking for the caller on the stack takes as long as all the rest.
        line = self._prefix(event.session), clean(event.text())
        log.handle(logging.LogRecord(log.name, event.level, __file__, 0, "%s%s", line, None))
        if isinstance(event, Ended):
            self._tell_story(event)
        self._unlearn(event)

    def _tell_story(self, event: Ended) -> None:
        """What `lotor explain` would say, where nobody can ask it."""
        if not log.isEnabledFor(logging.DEBUG) or (self._from_stranger(event) and not self._admit()):
            return
        if story := self._story(event.session):
            log.debug("%sstory: %s", self._prefix(event.session), clean(story, longest=LONGEST_STORY))

    def _learn(self, event: Event) -> None:
        match event:
            case Started(session=session, side=Side.CLIENT):
                self._own.add(session)
            case (
                LoggedIn(session=session, user=user)
                | Configured(session=session, user=user)
                | Up(session=session, user=user)
            ):
                self._users[session] = clean(user)

    def _unlearn(self, event: Event) -> None:
        if isinstance(event, Ended):
            self._users.pop(event.session, None)
            self._own.discard(event.session)
        elif isinstance(event, Renewed):
            self._users.pop(event.attempt, None)
            self._own.discard(event.attempt)

    def _from_stranger(self, event: Event) -> bool:
        if isinstance(event, Turned):
            return True
        return event.session not in self._own and event.session not in self._users

    def _admit(self) -> bool:
        """Whether a stranger may cause one more line in this second."""
        if self._lines == 0:
            self._later(WINDOW, self._close_window)
        self._lines += 1
        if self._lines <= STRANGERS_PER_SECOND:
            return True
        self._swallowed += 1
        return False

    def _close_window(self) -> None:
        swallowed, self._swallowed, self._lines = self._swallowed, 0, 0
        if swallowed:
            log.warning("%d more lines about unauthenticated peers within a second were not written", swallowed)

    def _prefix(self, session: int) -> str:
        if not session:
            return ""
        user = self._users.get(session)
        return f"session {session} ({user}): " if user else f"session {session}: "
