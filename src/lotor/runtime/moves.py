"""Peers that move, in the journal: one line for each session and second, however often its peer moves."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from lotor.ike.events import PathChanged

WINDOW = 1.0
"""Seconds between two lines of one session."""


class Moves:
    """`tell` writes a line; `later(seconds, call)` is the loop's `call_later`. A first move is told at once, of those
    that follow within a second one from the first place to the last."""

    def __init__(
        self, later: Callable[[float, Callable[[], None]], object], tell: Callable[[PathChanged], None]
    ) -> None:
        self._later = later
        self._tell = tell
        self._untold: dict[int, PathChanged | None] = {}
        """By session, for those that had a line within the last second."""

    def follow(self, event: PathChanged) -> None:
        if event.session in self._untold:
            before = self._untold[event.session]
            self._untold[event.session] = event if before is None else event.but(old=before.old)
            return
        self._untold[event.session] = None
        self._tell(event)
        self._later(WINDOW, partial(self._look_again, event.session))

    def _look_again(self, session: int) -> None:
        event = self._untold.pop(session, None)
        if event is not None and event.old != event.new:
            self.follow(event)
