"""Accounting records on their way into the store, and out of it again: in order, none twice, a bounded number.

While the store cannot be written (a full disk) they wait in memory, in the same order, and nothing leaves the store: a
record that was told of and cannot be removed would be told of again.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

from lotor.model.kinds import Kind
from lotor.ports.accounting import Account, Record, Status, Usage
from lotor.store import account_rows as rows
from lotor.store.account_rows import Backlog, Instant, Waiting
from lotor.store.faults import Fault, StoreFault
from lotor.store.store import Store
from lotor.store.transaction import Transaction

log = logging.getLogger(__name__)

MOST_UNWRITTEN = 8_192
"""Changes that wait in memory, some 30 MiB at most. Records between start and stop use the first half only."""
AT_ONCE = 256
"""Changes in one transaction."""
AGAIN_S = 5.0
"""Until a store that could not be written is tried again."""


@dataclass(slots=True, eq=False)
class _Unwritten:
    change: Transaction[Any]
    written: asyncio.Future[Any]


class Spool:
    """In the loop that runs the store. `grown` is called when something may be told."""

    def __init__(self, store: Store, now: Callable[[], Instant] = rows.present) -> None:
        self._store = store
        self._now = now
        self._unwritten: deque[_Unwritten] = deque()
        self._writing: asyncio.Task[None] | None = None
        self._again: asyncio.TimerHandle | None = None
        self._paused = False
        self.grown: Callable[[], None] = lambda: None
        store.follow(self._returned)

    def _returned(self) -> None:
        """A file is there, in which an earlier program may have left records."""
        self.grown()

    async def begin(self, keeper: str, account: Account) -> None:
        """Raises `OSError` where the record is lost, as all that follow do."""
        now = self._now()
        await self._write(rows.begun(keeper, Record(Status.START, now.wall, account), now))

    async def go_on(self, account: Account, usage: Usage) -> None:
        """Nothing is done of a session that has not begun."""
        if self._empty:
            return
        now = self._now()
        change = rows.went_on(Record(Status.INTERIM, now.wall, account, usage), now)
        await self._write(change, share=2)

    async def end(self, keeper: str, account: Account, usage: Usage, why: Kind) -> None:
        """Told to the keeper that heard of the start, else to `keeper`."""
        now = self._now()
        await self._write(rows.ended(keeper, Record(Status.STOP, now.wall, account, usage, why), now))

    async def tell(self, keeper: str, status: Status) -> None:
        """Of the whole gateway."""
        now = self._now()
        await self._write(rows.told(keeper, Record(status, now.wall), now))

    async def leave(
        self, beginning: str | None, why: Kind, lived: Callable[[Account], int] | None = None
    ) -> list[Record]:
        """Ends all open sessions whose ids begin so (None: all), as `account_rows.left` has it. Returns the stops,
        as far as they are in the store."""
        if self._empty:
            return []
        stops: list[Record] = await self._put(rows.left(beginning, why, self._now(), lived)) or []
        self.grown()
        return stops

    async def first(self, keeper: str, most: int) -> list[Waiting]:
        """What is to be told next; nothing while the store cannot be written: `grown` is called once it can."""
        await self._settled()
        if self._unwritten or self._empty:
            return []
        try:
            return await self._store.run(rows.first(keeper, most, self._now()))
        except StoreFault:
            self._pause()
            return []

    async def taken(self, numbers: Iterable[int]) -> None:
        """The keeper has these for good."""
        await self._put(rows.taken(tuple(numbers)))

    async def passed_over(self, sessions: Iterable[str]) -> None:
        """The keeper took others, and not the records of these."""
        await self._put(rows.passed_over(tuple(sessions)))

    async def backlog(self, keeper: str) -> Backlog:
        """Raises `StoreFault`."""
        if self._empty:
            return Backlog()
        try:
            async with asyncio.timeout(self._store.patience):
                return await self._store.run(rows.backlog(keeper, self._now()))
        except TimeoutError:
            raise StoreFault(Fault.SILENT, self._store.file) from None

    @property
    def unwritten(self) -> bool:
        """Whether changes wait in memory for the store."""
        return bool(self._unwritten)

    @property
    def _empty(self) -> bool:
        """Of a store that nothing was put into there is nothing to be asked."""
        return self._store.blank and not self._unwritten

    async def settle(self) -> None:
        """At the end: what can be written is, unless the disk is silent."""
        if self._again is not None:
            self._again.cancel()
            self._write_all()
        if self._writing is not None:
            await asyncio.wait({self._writing}, timeout=self._store.patience)

    async def _write(self, change: rows.Change, share: int = 1) -> None:
        if len(self._unwritten) >= MOST_UNWRITTEN // share:
            raise OSError(errno.ENOBUFS, f"{len(self._unwritten)} records wait for the store: this one is lost")
        if await self._put(change) is False:
            raise OSError(errno.ENOSPC, f"{rows.MOST_WAITING} accounting records wait already: this one is lost")
        self.grown()

    async def _put(self, change: Transaction[Any]) -> Any:
        """What came of it; None where it waits in memory, or for a silent disk. It is done also where the caller is
        cancelled."""
        written = asyncio.get_running_loop().create_future()
        self._unwritten.append(_Unwritten(change, written))
        if self._again is None:
            self._write_all()
        else:
            written.set_result(None)
        await asyncio.wait({written}, timeout=self._store.patience)
        return written.result() if written.done() else None

    def _write_all(self) -> None:
        self._again = None
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        """One transaction after the other: what is asked for meanwhile is in the next one."""
        try:
            most = AT_ONCE
            while self._unwritten:
                some = list(islice(self._unwritten, most))
                results = await self._carried_out(some)
                most = AT_ONCE if results else 1
                for each, result in zip(some, results, strict=False):
                    self._unwritten.popleft()
                    _answer(each, result)
        except StoreFault:  # all of them wait, and nobody waits for them
            self._pause()
            for each in self._unwritten:
                _answer(each, None)
        finally:
            self._writing = None
        if self._paused and self._again is None and not self._unwritten:
            self._paused = False
            self.grown()

    def _pause(self) -> None:
        self._paused = True
        if self._again is None:
            self._again = asyncio.get_running_loop().call_later(AGAIN_S, self._write_all)

    async def _carried_out(self, some: list[_Unwritten]) -> list[Any]:
        """What came of them; of several nothing, where one is the mistake of a program. Raises `StoreFault`."""
        try:
            return await self._store.run(partial(_all_done, [each.change for each in some]))
        except StoreFault:
            raise
        except Exception as error:  # noqa: BLE001 - its text may have a value in it
            if len(some) > 1:
                return []
            log.error("internal error: a change of accounting is lost: %s", type(error).__name__)  # noqa: TRY400
            return [None]

    async def _settled(self) -> None:
        while self._writing is not None:
            await asyncio.wait({self._writing})


def _all_done(changes: list[Transaction[Any]], connection: Any) -> list[Any]:
    return [change(connection) for change in changes]


def _answer(unwritten: _Unwritten, result: Any) -> None:
    if not unwritten.written.done():
        unwritten.written.set_result(result)
    elif result is False:  # nobody waits, to say so
        log.error("an accounting record is lost: %d wait already", rows.MOST_WAITING)
