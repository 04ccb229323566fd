"""Which process made something on this host, told from a later one with the same number."""

from __future__ import annotations

import os
from pathlib import Path

from lotor.model.frozen import frozen

VERSION = 1
STATE_FIELD, START_TIME_FIELD = 3, 22
ENDED = frozenset("ZXx")
"""States of a process that does nothing more: a zombie stays where nobody reaps it, as in many containers."""


@frozen
class Owner:
    """The process that made the changes and the network namespace they are in; `started` in clock ticks since boot
    tells a process from a later one with the same number."""

    pid: int
    started: int
    namespace: int
    version: int = VERSION

    @staticmethod
    def myself() -> Owner:
        pid = os.getpid()
        return Owner(pid, _started(pid) or 0, Path("/proc/self/ns/net").stat().st_ino)

    def lives(self) -> bool:
        return _started(self.pid) == self.started


def _started(pid: int) -> int | None:
    """When a process began, None when it does not live; the name before the fields may hold blanks and brackets."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = line.rpartition(")")[2].split()
    return None if fields[0] in ENDED else int(fields[START_TIME_FIELD - STATE_FIELD])
