"""The undo journal: one file per connection, written before each change, so that a crash leaves nothing unknown.

The first line says whose it is; every further line is one change. A last line cut short was never made.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import stat
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lotor.files.places import make_open
from lotor.hosts.changes import Change, read, written
from lotor.hosts.owner import VERSION, Owner

log = logging.getLogger(__name__)

STATE_DIRECTORY = Path("/run/lotor/hosts")
SUFFIX = ".journal"
OURS_ALONE, FOR_ALL = 0o600, 0o644
"""Who reads a file."""


class Journal:
    """The changes of one connection, oldest first, in memory and in `file`."""

    def __init__(self, file: Path, owner: Owner, changes: list[Change], mode: int = OURS_ALONE) -> None:
        self.file = file
        self.mode = mode
        self.owner = owner
        self.changes = changes
        self._before = 0

    @staticmethod
    def begin(directory: Path, name: str, *, open_to_all: bool = False) -> Journal:
        """A new file. Raises `FileExistsError` when the name is taken, `OSError` when the directory is not safe or has
        no room, and then there is no file. `open_to_all`: everybody may read it."""
        try:
            secure(directory, open_to_all=open_to_all)
            mode = FOR_ALL if open_to_all else OURS_ALONE
            journal = Journal(directory / f"{name}{SUFFIX}", Owner.myself(), [], mode)
            journal._create()
        except (FileExistsError, PermissionError):
            raise
        except OSError as error:
            raise OSError(error.errno, f"no change can be noted in {directory}: {error.strerror}") from error
        return journal

    def _create(self) -> None:
        descriptor = os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, self.mode)
        try:
            os.fchmod(descriptor, self.mode)
            _write_whole(descriptor, _line(asdict(self.owner)))
        except OSError:
            self.file.unlink(missing_ok=True)
            raise
        finally:
            os.close(descriptor)

    @staticmethod
    def load(file: Path) -> Journal:
        """What a process left. Raises `ValueError` when it cannot be read as a journal of this version."""
        first, *lines = file.read_text().split("\n")
        owner = Owner(**_fields(first))
        if owner.version != VERSION:
            raise ValueError(f"version {owner.version} of another lotor")
        mode = stat.S_IMODE(file.stat().st_mode)
        return Journal(file, owner, [read(_fields(line)) for line in lines[:-1]], mode)

    def is_there(self) -> bool:
        """Whether the file is still the one of this journal: another process may have undone what a dead one left, and
        a third one have begun a file of that name."""
        try:
            with self.file.open() as lines:
                return Owner(**_fields(lines.readline())) == self.owner
        except (FileNotFoundError, ValueError, TypeError):
            return False
        except OSError:  # nobody can tell
            return True

    def record(self, change: Change) -> None:
        """To be called before the change is made. Raises `OSError`, and the file is as it was."""
        try:
            self._before = _append(self.file, _line(written(change)))
        except OSError as error:
            raise OSError(error.errno, f"no change can be noted in {self.file}: {error.strerror}") from error
        self.changes.append(change)

    def forget_last(self) -> None:
        """The last change was not made. To be called right after `record`; a full disk has room for it."""
        self.changes = self.changes[:-1]
        os.truncate(self.file, self._before)

    def keep(self, changes: list[Change]) -> None:
        """Only these are still to be undone; with none left the file goes. A file that cannot be written anew keeps
        what was undone already, which the next start finds gone."""
        self.changes = changes
        try:
            if changes:
                self._rewrite()
            else:
                self.file.unlink(missing_ok=True)
        except OSError as error:
            log.warning("%s still names changes that were undone: %s", self.file, error.strerror or error)

    def _rewrite(self) -> None:
        new = self.file.with_suffix(".new")
        try:
            new.write_bytes(b"".join(map(_line, [asdict(self.owner), *map(written, self.changes)])))
            new.chmod(self.mode)
            new.rename(self.file)
        except OSError:
            new.unlink(missing_ok=True)
            raise


def journals(directory: Path) -> Iterator[Path]:
    """The files of a directory that is safe; none when there is no directory."""
    if directory.is_dir():
        secure(directory)
        yield from sorted(directory.glob(f"*{SUFFIX}"))


def secure(directory: Path, *, open_to_all: bool = False) -> None:
    """Make the directory, or raise `OSError` when someone else could write in it."""
    make_open(directory.parent)
    if open_to_all:
        make_open(directory)
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


def _line(entry: dict[str, Any]) -> bytes:
    return json.dumps(entry).encode() + b"\n"


def _append(file: Path, octets: bytes) -> int:
    """How long the file was. Raises `OSError`, and it is as long again."""
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        before = os.fstat(descriptor).st_size
        try:
            _write_whole(descriptor, octets)
        except OSError:
            os.ftruncate(descriptor, before)
            raise
    finally:
        os.close(descriptor)
    return before


def _write_whole(descriptor: int, octets: bytes) -> None:
    """A disk that is nearly full takes a part, and refuses at the next try."""
    while octets:
        octets = octets[os.write(descriptor, octets) :]
