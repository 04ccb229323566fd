"""The store: transactions on one SQLite file, and what is told of it where it cannot be used.

Nothing of the gateway waits for it that could go on without it. A file that cannot be used leaves a store in memory,
which has the same tables; the log and `lotor status` say so.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias, TypeVar

from lotor.store.faults import Fault, StoreFault, fault_of
from lotor.store.opening import aside, connect, take
from lotor.store.thread import Thread

log = logging.getLogger(__name__)

T = TypeVar("T")
Transaction: TypeAlias = Callable[[sqlite3.Connection], T]
"""Called in the thread of the store, between BEGIN and COMMIT: all of it is done, or nothing. It may be called a second
time, on a new file, where the file proves to be broken."""

MOST_WAITING = 1024
"""Transactions at a time. Whoever writes much gathers it, so that a slow disk meets a few large ones."""
LAST_WORDS = 5.0
"""Seconds that the end of a program waits for what is still to be written."""


class Store:
    """`file` None: in memory, by the administrator's wish. `open` first, `close` last; between them `run`, from one
    event loop. `file` and `fault` are told by the status: where the rows lie, and what keeps them from the disk."""

    def __init__(self, file: Path | None) -> None:
        self.wanted = file
        self.file = file
        self.fault: StoreFault | None = None
        self.beginnings = 0
        """How often a file or a memory was begun empty or opened: whoever has rows of his own writes them again when it
        has grown."""
        self._connection: sqlite3.Connection | None = None
        self._taken: int | None = None
        self._thread = Thread("lotor-store")
        self._told: Fault | None = None

    async def open(self) -> None:
        """Never fails: what is wrong with the file is told, and the store is in memory then."""
        await self._thread.submit(self._open)

    async def run(self, transaction: Transaction[T]) -> T:
        """Its result, once it is in the store. Transactions are carried out in the order of these calls, also where
        the caller is cancelled. Raises `StoreFault`, and nothing of it is in the store; what `transaction` raises."""
        if self._thread.waiting >= MOST_WAITING:
            self._tell(fault := StoreFault(Fault.BUSY, self.file))
            raise fault
        try:
            done = await asyncio.shield(self._thread.submit(lambda: self._run(transaction)))
        except StoreFault as fault:
            self._tell(fault)
            raise
        self._tell(None)
        return done

    async def close(self) -> None:
        """What was asked before is carried out, unless the disk is silent."""
        closing = self._thread.submit(self._end)
        self._thread.end()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS):
                await closing

    def _open(self) -> None:
        try:
            self._connection = self._opened(self.file)
        except StoreFault as fault:
            what = f"{fault.strerror}: what it should keep is kept in memory until the next start"
            log.warning("%s", what)
            self.fault, self.file = StoreFault(fault.fault, self.wanted, _behind(fault)), None
            self._connection = self._opened(None)

    def _opened(self, file: Path | None) -> sqlite3.Connection:
        self.beginnings += 1
        if file is not None and self._taken is None:
            self._taken = take(file)
        try:
            return connect(file)
        except StoreFault as fault:
            if file is None or fault.fault is not Fault.BROKEN:
                raise
            _begun_anew(fault, file)
            return connect(file)

    def _run(self, transaction: Transaction[T]) -> T:
        try:
            return self._carried_out(transaction)
        except sqlite3.Error as error:
            fault = fault_of(error, self.file)
        if fault.fault is not Fault.BROKEN or self.file is None:
            raise fault
        self._close()
        _begun_anew(fault, self.file)
        self._open()
        try:
            return self._carried_out(transaction)
        except sqlite3.Error as error:
            raise fault_of(error, self.file) from None

    def _carried_out(self, transaction: Transaction[T]) -> T:
        connection = self._connection
        if connection is None:
            raise StoreFault(Fault.UNREACHABLE, self.file, " (it is closed)")
        connection.execute("BEGIN IMMEDIATE")
        try:
            done = transaction(connection)
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # some faults have ended it already
                connection.execute("ROLLBACK")
            raise
        return done

    def _end(self) -> None:
        self._close()
        if self._taken is not None:
            os.close(self._taken)
            self._taken = None

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def _tell(self, fault: StoreFault | None) -> None:
        """Each fault once, and its end."""
        if fault is not None and fault.fault is not self._told:
            log.error("%s: what should be written there waits, or is lost", fault.strerror)
        if fault is None and self._told is not None:
            log.info("the store %s is written again", self.file or "in memory")
        self._told = fault.fault if fault is not None else None
        if self.file is not None or self.wanted is None:
            self.fault = fault


def _begun_anew(fault: StoreFault, file: Path) -> None:
    """Raises `StoreFault`."""
    broken = aside(file)
    log.error("%s: it is kept as %s, and a new one is begun", fault.strerror, broken)


def _behind(fault: StoreFault) -> str:
    """What a fault says beyond its kind and its file."""
    return (fault.strerror or "").partition(fault.fault.value)[2]
