"""Sessions of this gateway for the whole fleet: what the local store gets of them, the database gets behind it."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import islice

from lotor.model.text import clean
from lotor.ports.fleet import MOST_AT_ONCE, News, Past, Present, Sign
from lotor.store import Store, StoreFault, sessions
from lotor.store.sessions import Session
from lotor.warden.fleet_watch import FleetWatch

log = logging.getLogger(__name__)

MOST_PENDING = 65_536
"""Sessions of which something waits for the database: as many as there are at most at a time. Of those that are too
many the local file still has the end, and it is sent after the next start."""
PAUSE = 1.0
"""Seconds after a question that nobody answered."""
LONGEST_TEXT = 256
"""Characters of a text about a session, which the database takes."""


class FleetHistory:
    """`name` of this gateway; `up` are the sessions that last; `days` is how long those of the past are kept."""

    def __init__(self, store: Store, up: Callable[[], tuple[Session, ...]], days: Callable[[], int]) -> None:
        self._store = store
        self._up = up
        self._days = days
        self._name = ""
        self._pending: OrderedDict[str, Session] = OrderedDict()
        self._after: int | None = 0
        """The number of the last row of the file that was looked at; None: all were."""
        self._tidies = False
        self._wake = asyncio.Event()
        self._work: asyncio.Task[None] | None = None

    def begin(self, watch: FleetWatch, name: str) -> None:
        self._name = name
        watch.follow(self.hear)
        self._work = asyncio.get_running_loop().create_task(self._works(watch))

    async def end(self, watch: FleetWatch, patience: float) -> None:
        """What ended last is told, if the database takes it in time; else after the next start."""
        if self._work is None:
            return
        self._work.cancel()
        await asyncio.wait({self._work})
        try:
            async with asyncio.timeout(patience):
                while self._pending and watch.away is None:
                    await self._tell(watch)
        except OSError:
            log.warning("sessions that have ended are told to the fleet after the next start")

    @property
    def waiting(self) -> int:
        return len(self._pending)

    def hear(self, news: News) -> None:
        if news.sign is Sign.JOINED and self._work is not None:
            self._tidies = True
            for each in self._up():
                self.note(each)
            self._wake.set()

    def note(self, session: Session) -> None:
        """Of each session the newest counts."""
        if self._work is None:
            return
        self._pending[session.id] = session
        self._pending.move_to_end(session.id)
        if len(self._pending) > MOST_PENDING:
            self._pending.popitem(last=False)
        self._wake.set()

    def tidy(self) -> None:
        """Old sessions are forgotten once more."""
        self._tidies = True
        self._wake.set()

    async def _works(self, watch: FleetWatch) -> None:
        while True:
            await self._wake.wait()
            await watch.there()
            self._wake.clear()
            try:
                while self._pending:
                    await self._tell(watch)
                await self._catch_up(watch)
                if self._tidies:
                    await watch.ask(watch.fleet.forget(max(1, self._days())))
                    self._tidies = False
            except OSError:  # which is told: once the database answers it goes on
                self._wake.set()
                await asyncio.sleep(PAUSE)
            except Exception as error:  # noqa: BLE001 - its text may have a name in it
                log.error("internal error: sessions of the fleet: %s", type(error).__name__)  # noqa: TRY400

    async def _tell(self, watch: FleetWatch) -> None:
        """The longest waiting first. Raises `OSError`."""
        some = tuple(islice(self._pending.values(), MOST_AT_ONCE))
        await self._kept(watch, some)
        for each in some:
            if self._pending.get(each.id) is each:
                del self._pending[each.id]

    async def _kept(self, watch: FleetWatch, some: tuple[Session, ...]) -> None:
        await watch.ask(watch.fleet.keep(tuple(past_of(each, self._name) for each in some)))
        over = [each.id for each in some if each.ended is not None]
        if over and self._store.lasts:
            try:
                await self._store.run(lambda connection: sessions.mark_told(connection, over))
            except StoreFault:  # which is told there: it is sent once more after the next start
                return

    async def _catch_up(self, watch: FleetWatch) -> None:
        """Sessions that ended while nobody could be told, also before the last start. Raises `OSError`."""
        while self._after is not None and self._store.lasts:
            try:
                rows = await self._store.run(partial(sessions.untold, after=self._after, most=MOST_AT_ONCE))
            except StoreFault:
                return
            if not rows:
                self._after = None
                return
            await self._kept(watch, tuple(each for _, each in rows))
            self._after = rows[-1][0]


def past_of(session: Session, gateway: str) -> Past:
    def cut(text: str) -> str:
        return clean(text, longest=LONGEST_TEXT - 1)

    present = Present(
        gateway=gateway,
        id=session.id,
        user=cut(session.user),
        source=cut(session.source),
        inside=cut(session.inside),
        client=cut(session.client),
        since=session.began,
        octets_in=session.octets_in,
        octets_out=session.octets_out,
    )
    counted = (session.seconds, session.packets_in, session.packets_out)
    past = Past(present, session.ended, *counted, session.why, session.ike, cut(session.suite))
    return replace(past, resumed=session.resumed, machine=cut(session.machine))
