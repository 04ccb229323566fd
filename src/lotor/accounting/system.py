"""`accounting system`: sessions among the logins of this host, as `last` shows them.

The records are those of utmpx(5) in /var/log/wtmp, with the line `vpnN`, as racoon wrote them. A host without such a
file has the journal, which has every session anyway. wtmpdb, whose `last` Debian 13 has, does not read that file.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import logging
import platform
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
        if not await asyncio.to_thread(_written, self._file, _entry(record.account, record)) and not self._told:
            self._told = True
            log.warning("accounting system: this host has no %s: sessions stand in the journal only", self._file)


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
    """False where there is no such file. `updwtmpx` of glibc locks it, says nothing of faults, and makes none."""
    if platform.machine() not in LAYOUTS:
        return False
    try:
        before = file.stat().st_size
    except FileNotFoundError:
        return False
    ctypes.CDLL(None).updwtmpx(str(file).encode(), ctypes.byref(entry))
    if file.stat().st_size <= before:
        raise OSError(errno.EIO, f"{file} does not take a record: is it writable, and is there room?")
    return True


def _text(text: str, room: int) -> bytes:
    return clean(text).encode()[:room].decode(errors="ignore").encode()
