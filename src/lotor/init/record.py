"""The record of what `lotor init` did on this host: a line before each step, so that a fault, a full disk or a power
cut leaves nothing unknown.

The first line of a setup says what it is, the last one that it came to its end. Another setup on top of it adds its
lines.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lotor.daemon.exits import Exit, StartError
from lotor.files.writing import settle
from lotor.init.host import Target
from lotor.init.steps import Step, noted, read

FILE = "/var/lib/lotor/init.record"
LARGEST = 1 << 20
"""Octets: a setup has about twenty lines."""


@dataclass(slots=True)
class Setup:
    """One run of `lotor init`: `what` it was asked for, its steps in their order, and whether it came to its end.
    `directory`: the one of the record was made for it."""

    what: str
    at: str
    directory: bool = False
    steps: list[Step] = field(default_factory=list)
    whole: bool = False


class Record:
    """The setups of this host, oldest first. Hold it by `held`. `directory`: the one of the file was made for it, and
    goes with it."""

    def __init__(self, file: Path, descriptor: int, *, directory: bool) -> None:
        self._file = file
        self._descriptor = descriptor
        self.directory = directory
        self.setups = self._read()

    def begin(self, what: str, at: str) -> Setup:
        """Raises `OSError`, and nothing was noted."""
        for directory in (self._file.parent, self._file.parent.parent):
            settle(directory)
        self._append({"setup": what, "at": at, "directory": self.directory})
        self.setups.append(Setup(what, at, self.directory))
        return self.setups[-1]

    def note(self, step: Step) -> None:
        """To be called before the step is made. Raises `OSError`, and it is not noted."""
        self._append(noted(step))
        self.setups[-1].steps.append(step)

    def finish(self) -> None:
        self._append({"whole": True})
        self.setups[-1].whole = True

    def forget(self) -> None:
        """The last setup was taken back; with none left the file goes, when nobody holds it any more."""
        last = self.setups.pop()
        lines = self._lines()
        starts = [number for number, entry in enumerate(lines) if "setup" in entry]
        size = sum(len(_line(entry)) for entry in lines[: starts[-1]]) if starts else 0
        os.ftruncate(self._descriptor, size)
        if not self.setups:
            self.directory = last.directory

    def _append(self, entry: dict[str, Any]) -> None:
        """A full disk takes a part of a line: it is cut off again."""
        before, octets = self._size(), _line(entry)
        try:
            while octets:
                octets = octets[os.write(self._descriptor, octets) :]
            os.fsync(self._descriptor)
        except OSError:
            os.ftruncate(self._descriptor, before)
            raise

    def _size(self) -> int:
        return os.fstat(self._descriptor).st_size

    def _lines(self) -> list[dict[str, Any]]:
        text = os.pread(self._descriptor, LARGEST, 0).decode()
        return [json.loads(line) for line in text.split("\n")[:-1]]

    def _read(self) -> list[Setup]:
        """Raises `StartError` for a file that is no record. A line cut short by a power cut was never acted on."""
        setups: list[Setup] = []
        try:
            for entry in self._lines():
                if "setup" in entry:
                    setups.append(Setup(entry["setup"], entry["at"], entry["directory"]))
                elif "whole" in entry:
                    setups[-1].whole = True
                else:
                    setups[-1].steps.append(read(entry))
        except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            raise StartError(
                f"{self._file} is no record of lotor init ({error}): what it did has to be undone by hand"
            ) from None
        self._trim()
        return setups

    def _trim(self) -> None:
        text = os.pread(self._descriptor, LARGEST, 0)
        os.ftruncate(self._descriptor, text.rfind(b"\n") + 1)


@contextmanager
def held(target: Target) -> Iterator[Record]:
    """The record, for one `lotor init` at a time; a file that nothing was noted in goes again. Raises `StartError`."""
    file = target.path(FILE)
    try:
        made = not file.parent.is_dir()
        file.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StartError(f"{FILE} cannot be written: {error.strerror}") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise _busy() from None
        if os.fstat(descriptor).st_nlink == 0:  # whoever held it before took it away
            raise _busy()
        record = Record(file, descriptor, directory=made)
        try:
            yield record
        finally:
            if os.fstat(descriptor).st_size == 0:
                _remove(file, directory=record.directory)
    finally:
        os.close(descriptor)


def setups_of(target: Target) -> list[Setup]:
    """What is noted, looked at only; nothing for a user who may not look. Raises `StartError`."""
    if not os.access(target.path(FILE), os.R_OK | os.W_OK):
        return []
    with held(target) as record:
        return record.setups


def _busy() -> StartError:
    return StartError("another lotor init is under way", Exit.BUSY)


def _remove(file: Path, *, directory: bool) -> None:
    file.unlink(missing_ok=True)
    if directory:
        with suppress(OSError):
            file.parent.rmdir()


def _line(entry: dict[str, Any]) -> bytes:
    return json.dumps(entry).encode() + b"\n"
