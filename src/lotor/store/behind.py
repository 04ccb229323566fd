"""Rows that are written behind an answer: nobody waits for them, and a slow disk gets many at a time."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Generic, TypeVar

from lotor.store.faults import StoreFault
from lotor.store.store import LAST_WORDS, Store

if TYPE_CHECKING:
    import sqlite3

log = logging.getLogger(__name__)

Key = TypeVar("Key", bound=Hashable)
Row = TypeVar("Row")

MOST_PENDING = 65_536
"""Keys with a row that is not written yet: as many as there are sessions at most."""
PAUSE = 10.0
"""Seconds between two attempts where the store cannot take them."""


class Behind(Generic[Key, Row]):
    """Of each key the newest row is written, in the order of the changes. `write` puts rows down in a transaction. What
    the store cannot take waits, a bounded number; the oldest is lost then. To a store that nobody wants to last nothing
    is written: whoever notes rows has them in memory."""

    def __init__(self, store: Store, write: Callable[[sqlite3.Connection, list[Row]], None]) -> None:
        self._store = store
        self._write = write
        self._pending: OrderedDict[Key, Row] = OrderedDict()
        self._writing: asyncio.Task[None] | None = None
        self._last = asyncio.Event()
        self.lost = 0
        """Rows that will never be written."""

    def note(self, key: Key, row: Row) -> None:
        if not self._store.lasts:
            return
        self._pending[key] = row
        self._pending.move_to_end(key)
        if len(self._pending) > MOST_PENDING:
            self._pending.popitem(last=False)
            self.lost += 1
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._written())

    async def settle(self) -> None:
        """Until all is written, or refused once more; a silent disk is waited for `LAST_WORDS`."""
        self._last.set()
        if self._writing is not None:
            await asyncio.wait({self._writing}, timeout=LAST_WORDS)

    async def _written(self) -> None:
        try:
            while self._pending:
                rows, self._pending = self._pending, OrderedDict()
                if not await self._taken(rows) and await self._gives_up():
                    return
        finally:
            self._writing = None

    async def _taken(self, rows: OrderedDict[Key, Row]) -> bool:
        values = list(rows.values())
        try:
            await self._store.run(lambda connection: self._write(connection, values))
        except StoreFault:  # which the store has told
            self._pending = OrderedDict({**rows, **self._pending})
            return False
        return True

    async def _gives_up(self) -> bool:
        """Whether nobody waits any longer; else after a while."""
        try:
            async with asyncio.timeout(PAUSE):
                await self._last.wait()
        except TimeoutError:
            return False
        return True
