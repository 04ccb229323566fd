"""The journal: each event becomes one log line with its session and user; strangers cannot flood it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from lotor.ike.events import Deferring, Dropped, Ended, Event, LoginRefused, PathChanged, Undeferred
from lotor.model.entry import RECORD_KEY, Entry
from lotor.model.text import clean
from lotor.runtime import fields
from lotor.runtime.line_budget import LineBudget
from lotor.runtime.moves import Moves
from lotor.runtime.watches import Watches
from lotor.runtime.whose import Whose

log = logging.getLogger("lotor.journal")

STRANGERS_PER_SECOND = 20
REFUSALS_PER_SECOND = 200
"""More than several processors can refuse passwords in a second; a flood of other messages takes nothing of it."""
MORE_STRANGERS = "%d more lines about unauthenticated peers within a second were not written"
MORE_REFUSALS = "%d more logins were refused within a second"
LONGEST_NARRATIVE = 4096


class Journal:
    """`later(seconds, call)` is the loop's `call_later`. `narrative` tells a session that has ended as one line, for
    the debug journal. What `watches` follow has its lines at every level."""

    def __init__(
        self,
        later: Callable[[float, Callable[[], None]], object],
        narrative: Callable[[int], str] = lambda _: "",
        watches: Watches | None = None,
    ) -> None:
        self._narrative = narrative
        self._watches = watches or Watches(later)
        self._whose = Whose()
        self._strangers = LineBudget(STRANGERS_PER_SECOND, partial(log.warning, MORE_STRANGERS), later)
        self._refusals = LineBudget(REFUSALS_PER_SECOND, partial(log.warning, MORE_REFUSALS), later)
        self._moves = Moves(later, self._write)

    def follow(self, event: Event) -> None:
        """A line for one event. Nothing of a peer's octets reaches the log but through `clean`."""
        self._whose.learn(event)
        watched = self._watches.follow(event, self._whose)
        if log.isEnabledFor(event.level) and self._admits(event):
            self._tell(event)
        elif watched:
            self._write(event)
        self._whose.forget(event)

    def _tell(self, event: Event) -> None:
        if isinstance(event, PathChanged):
            self._moves.follow(event)
            return
        self._write(event)
        if isinstance(event, Ended):
            self._tell_narrative(event)

    def _write(self, event: Event) -> None:
        # Not log.log(): looking for the caller on the stack takes as long as all the rest.
        line = self._whose.prefix(event.session), clean(event.text())
        record = logging.LogRecord(log.name, event.level, __file__, 0, "%s%s", line, None)
        vars(record)[RECORD_KEY] = partial(self._entry, event)
        log.handle(record)

    def _entry(self, event: Event) -> Entry:
        return fields.entry(event, self._whose.fields(event.session))

    def _tell_narrative(self, event: Ended) -> None:
        """What `lotor explain` would say, where nobody can ask it."""
        if not log.isEnabledFor(logging.DEBUG) or not self._admits(event):
            return
        if text := self._narrative(event.session):
            log.debug("%sstory: %s", self._whose.prefix(event.session), clean(text, longest=LONGEST_NARRATIVE))

    def _admits(self, event: Event) -> bool:
        """Whether the event may cause one more line in this second."""
        if isinstance(event, LoginRefused):
            return self._refusals.admit()
        if isinstance(event, Deferring | Undeferred):  # rare by themselves
            return True
        return not self._from_stranger(event) or self._strangers.admit()

    def _from_stranger(self, event: Event) -> bool:
        return isinstance(event, Dropped) or not self._whose.proved(event.session)
