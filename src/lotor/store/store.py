"""The store: transactions on one SQLite file, and what is told of it where it cannot be used.

Nothing of the gateway waits for it that could go on without it. A file that cannot be used leaves a store in memory,
which has the same tables; the log and `lotor status` say so, and the file is tried again now and then.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from lotor.model.quantity import quantity
from lotor.store.faults import Fault, StoreFault
from lotor.store.thread import Thread
from lotor.store.transaction import Transaction

if TYPE_CHECKING:
    from lotor.store.database import Database

log = logging.getLogger(__name__)

T = TypeVar("T")

MOST_WAITING = 1024
"""Transactions at a time. Whoever writes much gathers it, so that a slow disk meets a few large ones."""
AGAIN_S = 60.0
"""Until a file that could not be used is tried again."""
PATIENCE = 5.0
"""Seconds after which a disk that does not answer is told of, and nobody waits for it any more who can go on."""


class Gathering:
    """Whoever has rows to be written soon begins in one turn of the event loop with the others. `begin` is called once
    behind each `join`."""

    def __init__(self) -> None:
        self._begins: dict[Callable[[], None], None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def join(self, seconds: float, begin: Callable[[], None]) -> None:
        """After so long, or sooner, with those who joined before."""
        self._begins[begin] = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._over)

    def leave(self, begin: Callable[[], None]) -> None:
        """It begins by itself."""
        self._begins.pop(begin, None)

    def _over(self) -> None:
        self._timer = None
        begins, self._begins = self._begins, {}
        for begin in begins:
            begin()


class Store:
    """`file` None: in memory, by the administrator's wish. `open` first, `close` last; between them `run`, from one
    event loop. `fault` is told by the status: what keeps the rows from the disk."""

    def __init__(self, file: Path | None) -> None:
        self.wanted = file
        self.fault: StoreFault | None = None
        self._database: Database | None = None
        self._used = self._closed = False
        self._thread = Thread("lotor-store")
        self._told: Fault | None = None
        self._again: asyncio.TimerHandle | None = None
        self._followers: list[Callable[[], None]] = []
        self.gathering = Gathering()

    def follow(self, follower: Callable[[], None]) -> None:
        """It is called when a file that could not be used is used from now on, with what was kept in memory."""
        self._followers.append(follower)

    @property
    def file(self) -> Path | None:
        """Where the rows lie; None: in memory."""
        return self._database.file if self._database is not None else self.wanted

    @property
    def beginnings(self) -> int:
        """How often a file or a memory was begun empty or opened: whoever has rows of his own writes them again when it
        has grown."""
        return self._database.beginnings if self._database is not None else 0

    @property
    def lasts(self) -> bool:
        """Whether anybody wants the rows beyond the end of the program: whoever has them in memory himself writes them
        to no other store."""
        return self.wanted is not None

    @property
    def blank(self) -> bool:
        """Nobody can find anything in it, and nothing was loaded for it so far."""
        return not (self.lasts or self._used)

    @property
    def patience(self) -> float:
        """Seconds that whoever can go on without it waits for the store; 0 while the disk is known to be silent."""
        return 0.0 if self._told is Fault.SILENT else PATIENCE

    async def open(self) -> None:
        """Never fails: what is wrong with the file is told, and the store is in memory then. One that is there in
        memory only begins when it is used first."""
        if self.lasts:
            self._used = True
            await self._heard(self._thread.submit(self._begun))
            self._tell(None)

    async def run(self, transaction: Transaction[T]) -> T:
        """Its result, once it is in the store. Transactions are carried out in the order of these calls, also where
        the caller is cancelled. Raises `StoreFault`, and nothing of it is in the store; what `transaction` raises."""
        if self._thread.waiting >= MOST_WAITING:
            self._tell(fault := StoreFault(Fault.BUSY, self.file))
            raise fault
        self._used = True
        try:
            done = await self._heard(self._thread.submit(lambda: self._begun().run(transaction)))
        except StoreFault as fault:
            self._tell(fault)
            raise
        self._tell(None)
        return done

    async def close(self) -> None:
        """What was asked before is carried out, unless the disk is silent."""
        if self._again is not None:
            self._again.cancel()
        closing = self._thread.submit(self._end)
        self._thread.end()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.patience):
                await closing

    async def _heard(self, work: asyncio.Future[T]) -> T:
        """Its result, however long that takes: the disk may do it yet."""
        work.add_done_callback(_seen)  # also where the caller is cancelled
        silent = asyncio.get_running_loop().call_later(PATIENCE, self._silent)
        try:
            return await work  # the thread goes on where the caller is cancelled
        finally:
            silent.cancel()

    def _silent(self) -> None:
        self._tell(StoreFault(Fault.SILENT, self.file))

    def _try_again(self) -> None:
        """The file may be there now: a disk that is mounted late, a program that had it."""
        trying = self._thread.submit(lambda: None if self._closed else self._begun().again())
        trying.add_done_callback(self._tried)

    def _tried(self, trying: asyncio.Future[int | None]) -> None:
        self._again = None
        if (fault := trying.exception()) is not None:
            log.error("internal error: the store %s cannot be used yet: %s", self.wanted, type(fault).__name__)
        rows = trying.result() if fault is None else None
        if rows is not None:
            log.info("the store %s is used now, with %s that were kept in memory", self.file, quantity(rows, "row"))
            for follower in self._followers:
                follower()
        self._tell(None)

    def _begun(self) -> Database:
        """In the thread, which loads SQLite while others go on. Raises `StoreFault`."""
        if self._closed:
            raise StoreFault(Fault.UNREACHABLE, self.file, " (it is closed)")
        if self._database is None:
            from lotor.store.database import Database

            self._database = Database(self.wanted)
        return self._database

    def _end(self) -> None:
        self._closed = True
        if self._database is not None:
            self._database.end()

    def _tell(self, fault: StoreFault | None) -> None:
        """Each fault once, and its end."""
        if fault is not None and fault.fault is not self._told:
            log.error("%s: what should be written there waits, or is lost", fault.strerror)
        if fault is None and self._told is not None:
            log.info("the store %s is written again", self.file or "in memory")
        self._told = fault.fault if fault is not None else None
        if self.file is not None or self.wanted is None:
            self.fault = fault
        elif self._database is not None:
            self.fault = self._database.fault
            if self._again is None and not self._closed:
                self._again = asyncio.get_running_loop().call_later(AGAIN_S, self._try_again)


def _seen(work: asyncio.Future[T]) -> None:
    """Its failure is for whoever waits, and for nobody else."""
    if not work.cancelled():
        work.exception()
