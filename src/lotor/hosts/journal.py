"""The undo journal: one file per connection, written before each change, so that a crash leaves nothing unknown.

The first line says whose it is; every further line is one change. A last line cut short was never made.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lotor.hosts.changes import Change, read, written

STATE_DIRECTORY = Path("/run/lotor/hosts")
SUFFIX = ".journal"
VERSION = 1
START_TIME_FIELD = 22


@dataclass(frozen=True, slots=True)
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


class Journal:
    """The changes of one connection, oldest first, in memory and in `file`."""

    def __init__(self, file: Path, owner: Owner, changes: list[Change]) -> None:
        self.file = file
        self.owner = owner
        self.changes = changes

    @staticmethod
    def begin(directory: Path, name: str) -> Journal:
        """A new file. Raises `FileExistsError` when the name is taken, `OSError` when the directory is not safe."""
        secure(directory)
        owner = Owner.myself()
        file = directory / f"{name}{SUFFIX}"
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(json.dumps(asdict(owner)) + "\n")
        return Journal(file, owner, [])

    @staticmethod
    def load(file: Path) -> Journal:
        """What a process left. Raises `ValueError` when it cannot be read as a journal of this version."""
        first, *lines = file.read_text().split("\n")
        owner = Owner(**_fields(first))
        if owner.version != VERSION:
            raise ValueError(f"version {owner.version} of another lotor")
        return Journal(file, owner, [read(_fields(line)) for line in lines[:-1]])

    def record(self, change: Change) -> None:
        """To be called before the change is made."""
        with self.file.open("a") as stream:
            stream.write(json.dumps(written(change)) + "\n")
        self.changes.append(change)

    def forget_last(self) -> None:
        """The last change was not made."""
        self._rewrite(self.changes[:-1])

    def keep(self, changes: list[Change]) -> None:
        """Only these are still to be undone; with none left the file goes."""
        self._rewrite(changes)
        if not changes:
            self.file.unlink(missing_ok=True)

    def _rewrite(self, changes: list[Change]) -> None:
        self.changes = changes
        new = self.file.with_suffix(".new")
        lines = [asdict(self.owner), *map(written, changes)]
        new.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        new.rename(self.file)


def journals(directory: Path) -> Iterator[Path]:
    """The files of a directory that is safe; none when there is no directory."""
    if directory.is_dir():
        secure(directory)
        yield from sorted(directory.glob(f"*{SUFFIX}"))


def secure(directory: Path) -> None:
    """Make the directory, or raise `OSError` when someone else could write in it."""
    directory.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    directory.mkdir(mode=0o700, exist_ok=True)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        what = f"{directory} must be a directory that only uid {os.geteuid()} may write in: correct its owner and mode"
        raise PermissionError(errno.EPERM, what)


def _fields(line: str) -> dict[str, Any]:
    value = json.loads(line)
    if not isinstance(value, dict):
        raise ValueError("not a line of a journal")  # noqa: TRY004 - it is the file's value that is wrong
    return value


def _started(pid: int) -> int | None:
    """When a process began, None when there is none; the name before the fields may hold blanks and brackets."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return int(line.rpartition(")")[2].split()[START_TIME_FIELD - 3])
