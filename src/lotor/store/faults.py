"""What can be wrong with the store, in words that an administrator can act on."""

from __future__ import annotations

import errno
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3


class Fault(Enum):
    """The value goes on behind "the store FILE"."""

    FULL = "cannot grow: the disk is full"
    READ_ONLY = "cannot be written: it is read-only"
    LOCKED = "is locked by another program"
    BROKEN = "is broken"
    NEWER = "was written by a newer lotor"
    OLDER = "was written by an older lotor: start the gateway anew, which brings it up to date"
    UNREACHABLE = "cannot be opened"
    FAILED = "cannot be used"
    SILENT = "does not answer"
    BUSY = "does not keep up: too much waits to be written"


_ERRORS = {
    Fault.FULL: errno.ENOSPC,
    Fault.READ_ONLY: errno.EROFS,
    Fault.LOCKED: errno.EBUSY,
    Fault.UNREACHABLE: errno.ENOENT,
    Fault.SILENT: errno.ETIMEDOUT,
    Fault.BUSY: errno.EAGAIN,
}
_SYSTEM = {
    errno.ENOSPC: Fault.FULL,
    errno.EDQUOT: Fault.FULL,
    errno.EROFS: Fault.READ_ONLY,
    errno.EACCES: Fault.READ_ONLY,
    errno.EPERM: Fault.READ_ONLY,
}


class StoreFault(OSError):  # noqa: N818 - as the words of its faults have it
    """Nothing of what was asked is in the store. `strerror` is a sentence without a full stop."""

    def __init__(self, fault: Fault, file: Path | None, more: str = "") -> None:
        where = f"the store {file}" if file is not None else "the store in memory"
        super().__init__(_ERRORS.get(fault, errno.EIO), f"{where} {fault.value}{more}")
        self.fault = fault


def fault_of(error: sqlite3.Error | OSError, file: Path | None) -> StoreFault:
    """SQLite's texts name no values, so that they may be told."""
    if isinstance(error, StoreFault):
        return error
    if isinstance(error, OSError):
        return StoreFault(_SYSTEM.get(error.errno or 0, Fault.UNREACHABLE), file, f" ({error.strerror})")
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the lowest octet of an extended code is the kind of fault
    fault = _primary().get(code, Fault.FAILED)
    return StoreFault(fault, file, f" ({error})")


def _primary() -> dict[int, Fault]:
    """By SQLite's codes. Whoever has a fault of SQLite has loaded it."""
    import sqlite3

    return {
        sqlite3.SQLITE_FULL: Fault.FULL,
        sqlite3.SQLITE_READONLY: Fault.READ_ONLY,
        sqlite3.SQLITE_BUSY: Fault.LOCKED,
        sqlite3.SQLITE_LOCKED: Fault.LOCKED,
        sqlite3.SQLITE_CORRUPT: Fault.BROKEN,
        sqlite3.SQLITE_NOTADB: Fault.BROKEN,
        sqlite3.SQLITE_CANTOPEN: Fault.UNREACHABLE,
    }
