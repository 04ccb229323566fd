"""`lotor top`: the sessions and what goes wrong, on a screen that follows what happens."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, cast

import click

from lotor.cli.calling import FILE, SOCKET, Daemon, look, one_page
from lotor.cli.dashboard import Picture, drawn, room
from lotor.cli.screen import Screen, is_possible
from lotor.cli.tallies import Minute, tally
from lotor.cli.watching import EVERY, PATIENCE_S
from lotor.control.messages import Measured, Metrics, Sort, Status
from lotor.daemon.exits import Exit, StartError
from lotor.metrics.processes import usage

if TYPE_CHECKING:
    from lotor.metrics.view import MetricsView

NO_TERMINAL = "lotor top draws on a terminal, and there is none: lotor status --watch and lotor status --json need none"
ORDERS = tuple(each.value for each in Sort)
FAR = 1 << 30


@click.command()
@click.option("--sort", type=click.Choice(ORDERS), default=ORDERS[0], help="Order at the start; the key s changes it.")
@SOCKET
@FILE
@click.pass_context
def top(context: click.Context, /, sort: str, **options: object) -> None:
    """Show the busiest sessions, failed logins and drops of the last minute, until q or Ctrl-C."""
    if not is_possible():
        raise StartError(NO_TERMINAL, Exit.USAGE)
    watching = Watching(lambda: look(context, options), sort)
    watching.ask(1)
    with contextlib.suppress(KeyboardInterrupt), Screen() as screen:
        _follow(watching, screen)


def _follow(watching: Watching, screen: Screen) -> None:
    due = time.monotonic()
    while True:
        width, height = screen.size
        if time.monotonic() >= due:
            watching.ask(room(height))
            due = time.monotonic() + EVERY
        screen.show(drawn(watching.picture, width, height))
        keys = screen.keys(max(0.0, due - time.monotonic()))
        if "q" in keys:
            return
        pressed = [watching.press(key, room(height)) for key in keys]
        if any(pressed) or screen.size != (width, height):
            due = time.monotonic()


@dataclass(slots=True)
class View:
    """Which sessions are seen: their order, and how many of them are above the screen."""

    order: str
    skip: int = 0

    def press(self, key: str, shown: int, total: int) -> bool:
        """Whether other sessions are seen now. `shown` of `total` are on the screen."""
        before = (self.order, self.skip)
        if key == "s":
            self.order, self.skip = ORDERS[(ORDERS.index(self.order) + 1) % len(ORDERS)], 0
        steps = {"up": -1, "down": 1, "page up": -shown, "page down": shown, "home": -FAR, "end": FAR}
        self.stay(self.skip + steps.get(key, 0), shown, total)
        return before != (self.order, self.skip)

    def stay(self, skip: int, shown: int, total: int) -> None:
        """Not beyond the last session."""
        self.skip = max(0, min(skip, total - shown))


class Watching:
    """Asks the daemon, and remembers its last answer. `StartError` where the first one does not come."""

    def __init__(self, call: Callable[[], Daemon], order: str) -> None:
        self._call = call
        self._view = View(order)
        self._minute = Minute()
        self._last: Picture | None = None

    @property
    def picture(self) -> Picture:
        if self._last is None:
            raise StartError("the daemon was not asked yet", Exit.FAILED)
        return self._last

    def press(self, key: str, shown: int) -> bool:
        """Whether the daemon has to be asked for other sessions."""
        return self._view.press(key, shown, self.picture.view.get("total", 0))

    def ask(self, shown: int) -> None:
        """For what a screen of `shown` sessions shows."""
        try:
            self._last = self._asked(shown)
        except StartError as error:
            if self._last is None:
                raise
            self._last = replace(self._last, note=str(error), now=_now())

    def _asked(self, shown: int) -> Picture:
        place = self._view
        with self._call() as daemon:
            daemon.wait_at_most(PATIENCE_S)
            status = one_page(daemon, Status(sort=place.order, skip=place.skip))
            total = status.get("total", 0)
            if place.skip and place.skip + shown > total:
                place.stay(place.skip, shown, total)
                status = one_page(daemon, Status(sort=place.order, skip=place.skip))
            daemon.send(Metrics())
            answer = daemon.receive()
        if isinstance(answer, Measured):
            self._minute.add(tally(cast("MetricsView", answer.figures), time.monotonic(), _spent))
        return Picture(status, _now(), self._minute.lately(), place.order, place.skip)


def _spent(pid: int) -> float | None:
    used = usage(pid)
    return used.processor if used is not None else None


def _now() -> datetime:
    return datetime.now().astimezone()
