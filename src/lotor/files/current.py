"""A file taken apart once, and again only when it has changed: for lists that every login looks something up in."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")

TIMESTAMP_RESOLUTION = 2.0
"""Seconds: the clocks of file systems tick so seldom at the worst. What changed later than that before it was read may
have changed again since, under the same time."""

Mark = tuple[int, int, int, int, int]
"""Device, number, octets and the times of the last change, of the content and of anything, in nanoseconds."""


class Current(Generic[T]):
    """What `read` makes of the file at `path`. `get` may be called by several threads."""

    def __init__(self, path: Path, read: Callable[[Path], T]) -> None:
        self.path = path
        self._read = read
        self._lock = threading.Lock()
        self._kept: tuple[Mark, T] | None = None

    @property
    def at_hand(self) -> bool:
        """Whether `get` reads nothing, as the file is now."""
        kept = self._kept
        return kept is not None and kept[0] == _mark(self.path)

    def get(self) -> T:
        """Raises what `read` raises; nothing is kept then."""
        with self._lock:
            before = _mark(self.path)
            if self._kept is not None and self._kept[0] == before:
                return self._kept[1]
            self._kept = None
            value = self._read(self.path)
            if before is not None and before == _mark(self.path) and _settled(before):
                self._kept = before, value
            return value


def _mark(path: Path) -> Mark | None:
    """None for a file that is not there, or cannot be looked at: `read` says what is wrong."""
    try:
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _settled(mark: Mark) -> bool:
    return time.time_ns() - max(mark[3:]) > TIMESTAMP_RESOLUTION * 1e9
