"""The clock: whether anything keeps it, since certificates are judged by it."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from lotor.doctor.finding import Finding, ok, unknown, warn, wrong
from lotor.doctor.subject import Subject
from lotor.model.frozen import frozen

TIMEX_OCTETS = 256
"""More than `struct timex` has on any machine."""
TIME_ERROR = 5
"""What adjtimex(2) returns for a clock that nothing keeps."""
PROGRAM = Path(__file__)


@frozen
class Clock:
    """`kept` None: the kernel does not tell. `built`: this program cannot be older than that. `mend` is the command by
    which this host sets its clock."""

    now: datetime
    kept: bool | None
    built: datetime
    mend: str = ""


def look(subject: Subject) -> Clock:
    built = datetime.fromtimestamp(PROGRAM.stat().st_mtime, subject.now.tzinfo)
    return Clock(subject.now, _kept(), built, _mend(subject))


def _mend(subject: Subject) -> str:
    if subject.systemd:
        return "timedatectl set-ntp true"
    if subject.commands.find("chronyd") is not None:
        return "chronyd -q 'pool pool.ntp.org iburst'"
    return "apt-get install chrony   # or whatever keeps the clock of this host"


def _kept() -> bool | None:
    """Asked for with no change (`modes` 0), which anybody may."""
    answer: int = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(struct.pack("=I", 0), TIMEX_OCTETS))
    return None if answer < 0 else answer != TIME_ERROR


def judge(clock: Clock) -> Iterator[Finding]:
    told = f"{clock.now:%Y-%m-%d %H:%M} UTC"
    if clock.now < clock.built:
        yield wrong(f"{told} is before this program was made ({clock.built:%Y-%m-%d})", clock.mend)
    elif clock.kept is None:
        yield unknown(f"{told}; the kernel does not tell whether it is kept in time")
    elif clock.kept:
        yield ok(f"{told}, kept in time")
    else:
        yield warn(f"{told}: nothing keeps it in time, and certificates are judged by it", clock.mend)
