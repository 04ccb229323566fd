"""The sessions of the past, as the store keeps them for `lotor history`: told of by accounting,
and written behind it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from time import time

from lotor.config.settings import Settings
from lotor.model.kinds import Kind
from lotor.model.quantity import quantity
from lotor.model.text import clean
from lotor.ports.accounting import LONGEST_MACHINE, Account, Usage
from lotor.store import Store, StoreFault, sessions
from lotor.store.behind import GATHERED, Behind
from lotor.store.sessions import DAY, Session
from lotor.warden.fleet_history import FleetHistory

log = logging.getLogger(__name__)

TIDIED_EVERY = 256
"""Ends of sessions, and one more time at the start: old ones are forgotten."""
AT_ONCE = 100
"""Sessions of a dead daemon that end before others have their turn."""
MOST_INSIDE = 512
"""Characters of the inner addresses of a session."""


class History:
    """Implements `ports.accounting.Accounting`. It raises nothing: what the store does not take waits, and is told
    there."""

    def __init__(self, store: Store, wall: Callable[[], float] = time) -> None:
        self._store = store
        self._wall = wall
        self._behind: Behind[str, Session] = Behind(store, "history", sessions.write, GATHERED)
        self._open: dict[str, Session] = {}
        self._passing: set[str] = set()
        """Of these nothing is kept here: only the fleet hears of them."""
        self.fleet = FleetHistory(store, lambda: tuple(self._open.values()), lambda: self._days)
        self._days = 0
        self._ends = 0

    async def recall(self, why: Kind) -> None:
        """Sessions that an earlier program left end now. Before the first session."""
        if not self._store.lasts:
            return
        try:
            lost = await self._store.run(lambda connection: sessions.end_lost(connection, why.value))
        except StoreFault as fault:
            log.error("sessions of the past are not looked through: %s", fault.strerror)  # noqa: TRY400 - it says all
            return
        if lost:
            log.info("history: %s ended without a word", quantity(lost, "session"))

    async def obey(self, settings: Settings) -> None:
        """From now on sessions are kept so long. Sessions that are up are kept as they began."""
        self._days = settings.history_days
        await self._tidy()

    async def start(self, account: Account) -> None:
        if not self._days:
            self._passing.add(account.id)
        self._keep(_begun(account))

    async def interim(self, account: Account, usage: Usage) -> None:
        if (known := self._open.get(account.id)) is not None:
            self._keep(_used(known, usage))

    async def stop(self, account: Account, usage: Usage, why: Kind) -> None:
        known = self._open.pop(account.id, None)
        if known is None:
            return
        ended = max(known.began, self._wall())
        self._note(replace(_used(known, usage), ended=ended, why=why.value))
        self._ends += 1
        if self._ends % TIDIED_EVERY == 0:
            await self._tidy()

    async def leave(self, beginning: str | None, why: Kind) -> None:
        """Sessions of a daemon that is gone, whose ids begin so (None: all), end now."""
        left = [each for each in self._open if each.startswith(beginning or "")]
        for turn, number in enumerate(left, 1):
            if (each := self._open.pop(number, None)) is not None:
                ended = max(each.began, self._wall())
                self._note(replace(each, ended=ended, seconds=int(ended - each.began), why=why.value))
            if turn % AT_ONCE == 0:
                await asyncio.sleep(0)

    async def settle(self) -> None:
        await self._behind.settle()

    def _keep(self, session: Session) -> None:
        self._open[session.id] = session
        self._note(session)

    def _note(self, session: Session) -> None:
        if session.id not in self._passing:
            self._behind.note(session.id, session)
        elif session.ended is not None:
            self._passing.discard(session.id)
        self.fleet.note(session)

    async def _tidy(self) -> None:
        self.fleet.tidy()
        if not self._store.lasts:
            return
        now, age = self._wall(), self._days * DAY
        try:
            async with asyncio.timeout(self._store.patience):
                await self._store.run(lambda connection: sessions.forget(connection, now, age))
        except (StoreFault, TimeoutError):  # which the store has told
            return


def _begun(account: Account) -> Session:
    inside = ",".join(map(str, account.inside))[:MOST_INSIDE]
    return Session(
        id=clean(account.id),
        user=clean(account.user),
        source=str(account.source.address),
        inside=inside,
        client=clean(account.client),
        began=account.began,
        ike=account.ike,
        suite=clean(account.suite),
        resumed=int(account.resumed),
        machine=clean(account.machine, longest=LONGEST_MACHINE),
    )


def _used(session: Session, usage: Usage) -> Session:
    return replace(
        session,
        seconds=usage.seconds,
        octets_in=usage.octets_in,
        octets_out=usage.octets_out,
        packets_in=usage.packets_in,
        packets_out=usage.packets_out,
    )
