"""Rows that are written behind an answer: nobody waits for them, and a slow disk gets many at a time."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Generic, TypeVar

from lotor.model.quantity import quantity
from lotor.store.faults import StoreFault
from lotor.store.store import Store

if TYPE_CHECKING:
    import sqlite3

log = logging.getLogger(__name__)

Key = TypeVar("Key", bound=Hashable)
Row = TypeVar("Row")

MOST_PENDING = 65_536
"""Keys with a row that is not written yet: as many as there are sessions at most."""
AT_ONCE = 500
"""Rows in a transaction: a few milliseconds of the event loop to take them, or to put them back."""
PAUSE = 10.0
"""Seconds between two attempts where the store cannot take them."""
GATHERED = 0.05
"""Seconds in which rows of several logins come together for one transaction: each costs as much as a question to the
warden. A gateway that is killed loses so much more of what nobody waited for."""


class Behind(Generic[Key, Row]):
    """Of each key the newest row is written, in the order of the changes. `write` puts rows down in a transaction;
    `what` they are, for the log. What the store cannot take waits, a bounded number; the oldest is lost then, and said.
    To a store that nobody wants to last nothing is written: whoever notes rows has them in memory. `gathered`: seconds
    for which the first row waits for others, at most: rows of other tables may be due before."""

    def __init__(
        self,
        store: Store,
        what: str,
        write: Callable[[sqlite3.Connection, list[Row]], None],
        gathered: float = 0.0,
    ) -> None:
        self._store = store
        self._gathered = gathered
        self._gathers = False
        self._what = what
        self._write = write
        self._pending: OrderedDict[Key, Row] = OrderedDict()
        self._writing: asyncio.Task[None] | None = None
        self._last = asyncio.Event()
        self._told = False
        self.lost = 0
        """Rows that will never be written."""

    def note(self, key: Key, row: Row) -> None:
        if not self._store.lasts:
            return
        self._pending[key] = row
        self._pending.move_to_end(key)
        self._keep_bounded()
        if self._writing is None and not self._gathers:
            if self._gathered and not self._last.is_set():
                self._gathers = True
                self._store.gathering.join(self._gathered, self._begin)
            else:
                self._begin()

    def _begin(self) -> None:
        self._gathers = False
        self._writing = asyncio.get_running_loop().create_task(self._written())

    async def settle(self) -> None:
        """Until all is written, or refused once more; a silent disk is waited for no longer than anywhere."""
        self._last.set()
        if self._gathers:
            self._store.gathering.leave(self._begin)
            self._begin()
        if self._writing is not None:
            await asyncio.wait({self._writing}, timeout=self._store.patience)
        if self._pending:
            log.error("%s: the store did not take %s", self._what, quantity(len(self._pending), "row"))

    async def _written(self) -> None:
        try:
            while self._pending:
                some = [self._pending.popitem(last=False) for _ in range(min(AT_ONCE, len(self._pending)))]
                if not await self._taken(some) and await self._gives_up():
                    return
        finally:
            self._writing = None

    async def _taken(self, some: list[tuple[Key, Row]]) -> bool:
        try:
            await self._put([row for _, row in some])
        except StoreFault:  # which the store has told
            self._put_back(some)
            return False
        self._told = False
        return True

    def _put_back(self, some: list[tuple[Key, Row]]) -> None:
        """In front of what came meanwhile; a newer row of the same key has its own place in the order."""
        for key, row in reversed(some):
            if key not in self._pending:
                self._pending[key] = row
                self._pending.move_to_end(key, last=False)
        self._keep_bounded()

    async def _put(self, rows: list[Row]) -> None:
        """A row that is no row of the table takes no other one along. Raises `StoreFault`."""
        try:
            await self._store.run(lambda connection: self._write(connection, rows))
        except StoreFault:
            raise
        except Exception as error:  # noqa: BLE001 - its text may have a value in it
            if len(rows) == 1:
                log.error("internal error: %s: a row is lost: %s", self._what, type(error).__name__)  # noqa: TRY400
                self.lost += 1
                return
            for each in rows:
                await self._put([each])

    def _keep_bounded(self) -> None:
        if len(self._pending) <= MOST_PENDING:
            return
        while len(self._pending) > MOST_PENDING:
            self._pending.popitem(last=False)
            self.lost += 1
        if not self._told:
            log.error("%s: %d rows wait for the store already, the oldest are lost", self._what, MOST_PENDING)
        self._told = True

    async def _gives_up(self) -> bool:
        """Whether nobody waits any longer; else after a while."""
        try:
            async with asyncio.timeout(PAUSE):
                await self._last.wait()
        except TimeoutError:
            return False
        return True
