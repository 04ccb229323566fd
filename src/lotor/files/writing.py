"""Writing files whole: with their final mode from the first octet, never over something not meant to be replaced."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from lotor.files.private import FileError

PRIVATE = 0o600
PUBLIC = 0o644


def create(path: Path, octets: bytes, mode: int = PRIVATE) -> None:
    """A new file. Raises `FileError` when there is one already, or when it cannot be written."""
    try:
        _write(path, octets, mode)
    except FileExistsError:
        raise FileError(f"{path} exists already and is left as it is") from None
    except OSError as error:
        raise FileError(f"{path} cannot be written: {error.strerror}") from None


def replace(path: Path, octets: bytes, mode: int = PRIVATE) -> None:
    """A new file in the place of an old one, which stays whole until the new one is on the disk."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        _write(draft, octets, mode)
        draft.replace(path)
        settle(path.absolute().parent)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise FileError(f"{path} cannot be written: {error.strerror}") from None


def _write(path: Path, octets: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)  # the umask may have taken bits that the mode has
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        with contextlib.suppress(OSError):
            path.unlink()
        raise


def settle(directory: Path) -> None:
    """Names that are new in it survive a power cut, too. Raises `OSError`."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
