"""`accounting system`: sessions among the logins of this host, as `last` shows them.

The records are those of utmpx(5) in /var/log/wtmp, with the line `vpnN`, as racoon wrote them. A host without such a
file has the journal, which has every session anyway. wtmpdb, whose `last` Debian 13 has, does not read that file.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import fcntl
import logging
import os
import platform
import struct
from pathlib import Path

from lotor.model.text import clean
from lotor.ports.accounting import Account, Record, Status

log = logging.getLogger(__name__)

WTMP = Path("/var/log/wtmp")
USER_PROCESS, DEAD_PROCESS = 7, 8
LAYOUTS = {"x86_64": ctypes.c_int32, "aarch64": ctypes.c_long}
"""How wide the times of a record are (glibc, bits/types/struct_utmpx.h): they were 32 bits where 32-bit programs read
the same file."""
_TIME = LAYOUTS.get(platform.machine(), ctypes.c_int32)


WHOLE_FILE = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
"""A lock for writing (fcntl(2), `struct flock`) that threads have each for itself."""
MOST_TRIES, PAUSE = 40, 0.05
"""Whoever may read the file may keep it locked: after two seconds of that the record waits in the store."""


class _Utmpx(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_short),
        ("pid", ctypes.c_int32),
        ("line", ctypes.c_char * 32),
        ("id", ctypes.c_char * 4),
        ("user", ctypes.c_char * 32),
        ("host", ctypes.c_char * 256),
        ("exit", ctypes.c_short * 2),
        ("session", _TIME),
        ("seconds", _TIME),
        ("microseconds", _TIME),
        ("address", ctypes.c_uint8 * 16),
        ("unused", ctypes.c_char * 20),
    )


class SystemAccounts:
    """Implements `ports.accounting.Keeper`: a login at the start of a session, a logout at its stop."""

    def __init__(self, file: Path = WTMP) -> None:
        self._file = file
        self._told = False

    async def take(self, record: Record) -> None:
        if record.account is None or record.status not in (Status.START, Status.STOP):
            return
        if not await self._written(_entry(record.account, record)) and not self._told:
            self._told = True
            log.warning("accounting system: this host has no %s: sessions stand in the journal only", self._file)

    async def _written(self, entry: _Utmpx) -> bool:
        for _ in range(MOST_TRIES):
            try:
                return await asyncio.to_thread(_written, self._file, entry)
            except BlockingIOError:
                await asyncio.sleep(PAUSE)
        raise OSError(errno.EBUSY, f"{self._file} is locked by another program")


def _entry(account: Account, record: Record) -> _Utmpx:
    """The name of a user, and that of a host, end where the file has no more room for them."""
    number = account.id.rpartition("-")[2][-10:]
    begins = record.status is Status.START
    entry = _Utmpx(type=USER_PROCESS if begins else DEAD_PROCESS)
    entry.line, entry.id = f"vpn{number}".encode(), number[-4:].encode()
    entry.user = _text(account.user, 32) if begins else b""
    entry.host = str(account.source.address).encode() if begins else b""
    packed = account.source.address.packed
    entry.address[: len(packed)] = packed
    entry.seconds = int(record.at)
    entry.microseconds = int(record.at % 1 * 1_000_000)
    return entry


def _written(file: Path, entry: _Utmpx) -> bool:
    """False where there is no such file. Not by `updwtmpx` of glibc: it waits for whoever has the file locked, in a
    thread perhaps for ever, lets two threads write in one place, and says nothing of faults. Raises
    `BlockingIOError` where somebody has it locked, and `OSError`."""
    if platform.machine() not in LAYOUTS:
        return False
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return False
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, WHOLE_FILE)
        _append(descriptor, bytes(entry))
    except BlockingIOError:
        raise
    except OSError as error:
        raise OSError(error.errno, f"{file} does not take a record: {error.strerror}") from None
    finally:
        os.close(descriptor)
    return True


def _append(descriptor: int, record: bytes) -> None:
    """Behind the last whole record, or not at all. Raises `OSError`."""
    end = os.fstat(descriptor).st_size // len(record) * len(record)
    if os.pwrite(descriptor, record, end) < len(record):
        os.ftruncate(descriptor, end)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _text(text: str, room: int) -> bytes:
    return clean(text).encode()[:room].decode(errors="ignore").encode()
