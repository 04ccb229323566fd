"""What the kernel tells anybody of a process: memory, processor time, start (proc(5))."""

from __future__ import annotations

import os
from pathlib import Path

from lotor.model.frozen import frozen

PROC = Path("/proc")
UTIME, STIME, STARTTIME, RSS = 13 - 2, 14 - 2, 21 - 2, 23 - 2
"""Places behind the name of the program in /proc/PID/stat."""


@frozen
class Usage:
    """`resident` in octets, `processor` in seconds, `started` in seconds since 1970."""

    resident: int
    processor: float
    started: float


def usage(pid: int, proc: Path = PROC) -> Usage | None:
    """None where there is no such process, or the kernel hides it (hidepid)."""
    try:
        fields = (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
        resident, used, started = int(fields[RSS]), int(fields[UTIME]) + int(fields[STIME]), int(fields[STARTTIME])
        booted = _booted(proc)
    except (OSError, ValueError, IndexError, StopIteration):
        return None
    ticks = os.sysconf("SC_CLK_TCK")
    return Usage(resident * os.sysconf("SC_PAGE_SIZE"), used / ticks, booted + started / ticks)


def _booted(proc: Path) -> int:
    lines = (proc / "stat").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("btime "))
