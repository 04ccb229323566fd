"""The database of the store, in the store's thread. SQLite is loaded with this module, when a store is used first."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
from pathlib import Path
from typing import TypeVar

from lotor.store.faults import Fault, StoreFault, fault_of
from lotor.store.moving import count_apart, move
from lotor.store.opening import aside, connect, take
from lotor.store.transaction import Transaction

log = logging.getLogger(__name__)

T = TypeVar("T")


class Database:
    """`wanted` None: in memory, by the administrator's wish. `file` and `fault`: where the rows lie, and what keeps
    them from the disk. Never fails to begin: what is wrong with the file is told, and the rows are in memory then."""

    def __init__(self, wanted: Path | None) -> None:
        self.file = wanted
        self.fault: StoreFault | None = None
        self.beginnings = 0
        """How often a file or a memory was begun empty or opened."""
        self._wanted = wanted
        self._taken: int | None = None
        self._connection = self._begun(None)

    def run(self, transaction: Transaction[T]) -> T:
        """Raises `StoreFault`, and nothing of it is there; what `transaction` raises."""
        try:
            return self._carried_out(transaction)
        except (sqlite3.IntegrityError, sqlite3.DataError):
            raise  # of the transaction, and not of the file
        except sqlite3.Error as error:
            fault = fault_of(error, self.file)
        if fault.fault is not Fault.BROKEN or self.file is None:
            raise fault
        self._close()
        self._connection = self._begun(fault)
        try:
            return self._carried_out(transaction)
        except sqlite3.Error as error:
            raise fault_of(error, self.file) from None

    def again(self) -> int | None:
        """Where the rows are in memory against the administrator's wish: tries the file once more. Returns how many
        rows went over; None where it cannot be used yet, and nothing has changed."""
        if self.fault is None or self._wanted is None:
            return None
        try:
            connection = self._opened(self._wanted)
        except StoreFault:
            return None
        memory, self._connection = self._connection, connection
        try:
            rows = self._carried_out(lambda file: move(memory, file))
        except BaseException as error:
            self._close()
            self._connection = memory
            if isinstance(error, sqlite3.Error):
                return None
            raise
        memory.close()
        self.file, self.fault = self._wanted, None
        return rows

    def end(self) -> None:
        self._close()
        if self._taken is not None:
            os.close(self._taken)
            self._taken = None

    def _begun(self, broken: StoreFault | None) -> sqlite3.Connection:
        """`broken`: what was found out about the file, which is moved aside first."""
        try:
            if broken is not None and self.file is not None:
                _begun_anew(broken, self.file)
            return self._opened(self.file)
        except StoreFault as fault:
            what = f"{fault.strerror}: what it should keep is kept in memory until it can be used"
            log.warning("%s", what)
            self.fault, self.file = StoreFault(fault.fault, self._wanted, _behind(fault)), None
            memory = self._opened(None)
            count_apart(memory, time.time())
            return memory

    def _opened(self, file: Path | None) -> sqlite3.Connection:
        if file is not None and self._taken is None:
            self._taken = take(file)
        try:
            connection = connect(file)
        except StoreFault as fault:
            if file is None or fault.fault is not Fault.BROKEN:
                raise
            _begun_anew(fault, file)
            connection = connect(file)
        self.beginnings += 1
        return connection

    def _carried_out(self, transaction: Transaction[T]) -> T:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            done = transaction(connection)
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # some faults have ended it already
                connection.execute("ROLLBACK")
            raise
        return done

    def _close(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()


def _begun_anew(fault: StoreFault, file: Path) -> None:
    """Raises `StoreFault`."""
    broken = aside(file)
    log.error("%s: it is kept as %s, and a new one is begun", fault.strerror, broken)


def _behind(fault: StoreFault) -> str:
    """What a fault says beyond its kind and its file."""
    return (fault.strerror or "").partition(fault.fault.value)[2]
