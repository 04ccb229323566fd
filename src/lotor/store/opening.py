"""Opening the file of the store: private, of a known version, and moved aside where it is broken."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

from lotor.files.places import changeable, ourselves
from lotor.store.faults import Fault, StoreFault, fault_of
from lotor.store.migrations import LATEST, demand_known, migrate

PATIENCE = 2.0
"""Seconds that a file which another program has locked is waited for, in the thread of the store."""
BESIDE = ("", "-wal", "-shm")
"""The files of a database, by what is behind its name."""
SETTINGS = (
    "PRAGMA journal_mode = WAL",  # whoever reads holds nobody up who writes, and the reverse
    "PRAGMA synchronous = NORMAL",  # a killed program loses nothing; a power cut the last moments at most
    "PRAGMA wal_autocheckpoint = 256",  # pages: the file beside it stays at about a megabyte
    "PRAGMA journal_size_limit = 4194304",
    "PRAGMA trusted_schema = OFF",
)


def connect(file: Path | None) -> sqlite3.Connection:
    """Ready for transactions, in the thread that calls; None: in memory. Raises `StoreFault`."""
    if file is not None:
        _make_private(file)
    try:
        return _ready(file)
    except (sqlite3.Error, OSError) as error:
        raise fault_of(error, file) from None


def take(file: Path) -> int:
    """The descriptor by which this program alone has the file, until it is closed: two gateways with one memory would
    give addresses that the other one has. Raises `StoreFault`."""
    if not file.name:
        raise StoreFault(Fault.UNREACHABLE, file, " (it is a directory)")
    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(file.with_name(f"{file.name}.lock"), flags, 0o600)
    except OSError as error:
        raise fault_of(error, file) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise StoreFault(Fault.LOCKED, file, " (another lotor has it)") from None
    return descriptor


def aside(file: Path) -> Path:
    """Moves a broken file away, over one that was moved before. Returns where it is now. Raises `StoreFault`."""
    broken = file.with_name(f"{file.name}.broken")
    try:
        for each in BESIDE:
            with contextlib.suppress(FileNotFoundError):
                broken.with_name(broken.name + each).unlink()
            with contextlib.suppress(FileNotFoundError):
                file.with_name(file.name + each).rename(broken.with_name(broken.name + each))
    except OSError as error:
        raise fault_of(error, file) from None
    return broken


def read(file: Path) -> sqlite3.Connection:
    """For a program that only looks, beside the one that writes. Raises `StoreFault`."""
    try:
        file.stat()
    except OSError as error:
        raise StoreFault(Fault.UNREACHABLE, file, f" ({error.strerror})") from None
    try:
        connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=PATIENCE)
        connection.text_factory = _text
        with _closed_unless_ready(connection):
            connection.execute("PRAGMA query_only = ON")
            if 0 < demand_known(connection, file) < LATEST:
                raise StoreFault(Fault.OLDER, file)
    except (sqlite3.Error, OSError) as error:
        raise fault_of(error, file) from None
    return connection


def _ready(file: Path | None) -> sqlite3.Connection:
    """Transactions are begun and ended by `Store` alone."""
    connection = sqlite3.connect(file or ":memory:", timeout=PATIENCE, isolation_level=None)
    connection.text_factory = _text
    with _closed_unless_ready(connection):
        demand_known(connection, file)  # before anything is changed
        for each in SETTINGS:
            connection.execute(each)
        migrate(connection, file)
        if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise StoreFault(Fault.BROKEN, file)
    return connection


def _text(octets: bytes) -> str:
    """What a disk garbled is no reason to read nothing."""
    return octets.decode(errors="replace")


@contextlib.contextmanager
def _closed_unless_ready(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _make_private(file: Path) -> None:
    """The file is there, and is for nobody else. SQLite gives the files beside it the same permissions. Raises
    `StoreFault`."""
    try:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        descriptor = os.open(file, flags, 0o600)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise StoreFault(Fault.UNREACHABLE, file, " (it is no regular file)")
            if told := changeable(file, status, ourselves()):
                raise StoreFault(Fault.UNREACHABLE, file, f" ({told})")
            os.fchmod(descriptor, 0o600)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise fault_of(error, file) from None
