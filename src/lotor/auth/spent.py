"""Codes that were used, in a private file: no code opens twice, also after a restart, a crash or a reload.

A line is on the disk before its code counts. `t KEY STEP`: of this key no code of this step or an earlier one counts;
`r CODE`: this recovery code is gone. KEY and CODE are digests. The first line, `f FILE`, tells this file from one that
was in its place before, whose number another one may get.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import stat
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lotor.files import writing
from lotor.files.places import state_directory
from lotor.files.private import FileError

NAME = "spent-codes"
LARGEST = 1 << 25
"""Octets: more than 500,000 keys."""
LOOSE = 1 << 16
"""Octets that lines may take which later ones made void; then the file is written anew."""
MARK = 35
"""Octets of the first line."""
_LINE = re.compile(rb"f [0-9a-f]{32}|t ([0-9a-f]{32}) (\d{1,15})|r ([0-9a-f]{32})")


class SpentError(Exception):
    """The text is a whole sentence: what could not be read or written, and why."""


@dataclass(slots=True)
class _Known:
    """What was read of the file with this first line, up to the octet `seen`."""

    mark: bytes = b""
    seen: int = 0
    number: int = 0
    loose: int = 0
    steps: dict[str, int] = field(default_factory=dict)
    codes: set[str] = field(default_factory=set)

    def note(self, line: bytes) -> bool:
        """False for a line of another form."""
        parts = _LINE.fullmatch(line)
        if parts is None:
            return False
        if parts[3]:
            self.codes.add(parts[3].decode())
        if not parts[1]:
            return bool(parts[3]) or not self.seen
        key, step = parts[1].decode(), int(parts[2])
        self.loose += len(line) if key in self.steps else 0
        self.steps[key] = max(step, self.steps.get(key, -1))
        return True

    def text(self) -> bytes:
        """Of a new file."""
        lines = [
            _mark(),
            *(f"t {key} {step}\n" for key, step in self.steps.items()),
            *(f"r {code}\n" for code in self.codes),
        ]
        return "".join(lines).encode()


def _mark() -> str:
    return f"f {secrets.token_hex(16)}\n"


class SpentCodes:
    """Threads, engines and processes may share the file: each looks at it under its lock. All methods raise
    `SpentError`, and then the code may be spent, but does not count."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or state_directory() / NAME
        self._lock = threading.Lock()
        self._known = _Known()

    def spend_step(self, key: str, step: int) -> bool:
        """True once for each step of a key, and never for one before the last that was spent."""
        return self._spend(f"t {key} {step}", lambda known: known.steps.get(key, -1) < step)

    def spend_code(self, code: str) -> bool:
        """True once."""
        return self._spend(f"r {code}", lambda known: code not in known.codes)

    def spent(self) -> frozenset[str]:
        """The recovery codes that are gone."""
        if not self.path.exists():
            return frozenset()
        with self._held() as descriptor:
            self._catch_up(descriptor)
            return frozenset(self._known.codes)

    def _spend(self, line: str, fresh: Callable[[_Known], bool]) -> bool:
        with self._held() as descriptor:
            self._catch_up(descriptor)
            if not fresh(self._known):
                return False
            self._append(descriptor, line.encode() + b"\n")
            self._tidy()
            return True

    def _tidy(self) -> None:
        """Where the file cannot be written anew, it grows on: the code is on the disk and counts."""
        if self._known.loose > LOOSE:
            with contextlib.suppress(FileError):
                writing.replace(self.path, self._known.text())

    def _append(self, descriptor: int, line: bytes) -> None:
        """What a crash cut short goes first: its code was never told to be right."""
        if self._known.seen + len(line) > LARGEST:
            raise SpentError(f"{self.path} is full")
        if not self._known.seen:
            mark = _mark().encode()
            line, self._known.mark = mark + line, mark
        os.ftruncate(descriptor, self._known.seen)
        if os.pwrite(descriptor, line, self._known.seen) < len(line):
            raise SpentError(f"{self.path} cannot be written: the disk is full")
        os.fsync(descriptor)
        if not self._known.seen:
            writing.settle(self.path.absolute().parent)
        self._take(line)

    def _catch_up(self, descriptor: int) -> None:
        """Reads what others have added since."""
        status, mark = os.fstat(descriptor), os.pread(descriptor, MARK, 0)
        if mark != self._known.mark or status.st_size < self._known.seen:
            self._known = _Known(mark)
        if status.st_size > LARGEST:
            raise SpentError(f"{self.path} is larger than {LARGEST} octets: it cannot be what was meant")
        added = os.pread(descriptor, status.st_size - self._known.seen, self._known.seen)
        self._take(added[: added.rfind(b"\n") + 1])

    def _take(self, lines: bytes) -> None:
        """Whole ones."""
        for line in lines.splitlines(keepends=True):
            if not self._known.note(line[:-1]):
                number, self._known = self._known.number + 1, _Known()
                raise SpentError(
                    f"{self.path} line {number} is none that lotor wrote: nobody knows which codes are used"
                )
            self._known.number += 1
            self._known.seen += len(line)

    @contextlib.contextmanager
    def _held(self) -> Iterator[int]:
        """The file, opened under the lock that lies beside it."""
        beside = self.path.with_name(f".{self.path.name}.lock")
        with self._lock, contextlib.ExitStack() as closing:
            try:
                self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                fcntl.flock(self._opened(beside, closing), fcntl.LOCK_EX)
                yield self._opened(self.path, closing)
            except OSError as error:
                raise SpentError(f"{self.path} cannot be used: {error.strerror}") from None
            except FileError as fault:
                raise SpentError(str(fault)) from None

    def _opened(self, path: Path, closing: contextlib.ExitStack) -> int:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, writing.PRIVATE)
        closing.callback(os.close, descriptor)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid not in {0, os.geteuid()} or status.st_mode & 0o077:
            raise SpentError(f"{path} is not a file of root's alone: chmod 600 {path}, or move it away")
        return descriptor
