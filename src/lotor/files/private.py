"""Reading files that must be private, and the sentence when one is not; every check is on the opened descriptor."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from lotor.files.places import changeable, ourselves_and_caller

LARGEST = 1 << 20
"""Octets: no key, certificate bundle, password file or user list of ours is larger."""

Check = Callable[[Path, os.stat_result], None]


class FileError(Exception):
    """The text is a whole sentence: which file, what is wrong with it, what to do."""


def read_private(path: Path, *, largest: int = LARGEST) -> bytes:
    """A regular file, owned by us or root, without any permission for group and others, not reached by a symbolic link.

    Raises `FileError`.
    """
    return _read(path, os.O_NOFOLLOW, (_require_regular, _require_owner, _require_closed, _require_safe_place), largest)


def read_public(path: Path, *, largest: int = LARGEST) -> bytes:
    """A regular file that anyone may read: a certificate. Raises `FileError`."""
    return _read(path, 0, (_require_regular,), largest)


def read_trusted(path: Path, *, largest: int = LARGEST) -> bytes:
    """A regular file that anyone may read and nobody else could change or replace: an authority. Raises `FileError`."""
    return _read(path, 0, (_require_regular, _require_safe_place), largest)


def _read(path: Path, flags: int, checks: Iterable[Check], largest: int) -> bytes:
    descriptor = _open(path, flags)
    try:
        status = os.fstat(descriptor)
        for check in checks:
            check(path, status)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            octets = file.read(largest + 1)
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}") from None
    finally:
        os.close(descriptor)
    if len(octets) > largest:
        raise FileError(f"{path} is larger than {largest} octets: it cannot be what was meant")
    return octets


def _open(path: Path, flags: int) -> int:
    try:
        # O_NONBLOCK: opening a FIFO that nobody writes to would wait for ever
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | flags)
    except FileNotFoundError:
        raise FileError(f"{path} does not exist") from None
    except OSError as error:
        if path.is_symlink():
            raise FileError(f"{path} is a symbolic link: name the file itself") from None
        raise FileError(f"{path} cannot be opened: {error.strerror}") from None


def _require_regular(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise FileError(f"{path} is not a regular file")


def _require_owner(path: Path, status: os.stat_result) -> None:
    if status.st_uid not in {0, os.geteuid()}:
        raise FileError(f"{path} belongs to user {status.st_uid}, who could change it: chown root {path}")


def _require_closed(path: Path, status: os.stat_result) -> None:
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077:
        raise FileError(f"{path} has mode {mode:04o}, so that others may reach its secrets: chmod 600 {path}")


def _require_safe_place(path: Path, status: os.stat_result) -> None:
    if told := changeable(path, status, ourselves_and_caller()):
        raise FileError(f"{path} is not trusted: {told}")
