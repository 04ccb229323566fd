"""The two files of a capture, packets and keys: made by a process that may, never over others."""

from __future__ import annotations

import os
from pathlib import Path

KEYS_SUFFIX = ".ikev1_decryption_table"


def make(path: Path) -> tuple[int, int]:
    """Descriptors of the two files of a capture, of mode 0600, which can only be added to; `OSError` with a sentence
    when one was there before or cannot be made."""
    packets = _create(path)
    try:
        return packets, _create(keys_of(path))
    except OSError:
        os.close(packets)
        path.unlink()
        raise


def discard(path: Path) -> None:
    """Of a start that came to nothing: the next try is not refused for its sake."""
    for each in (path, keys_of(path)):
        each.unlink(missing_ok=True)


def keys_of(path: Path) -> Path:
    """The file of the keys, beside that of the packets."""
    return path.with_name(path.name + KEYS_SUFFIX)


def _create(path: Path) -> int:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o600)
    except FileExistsError as error:
        raise OSError(error.errno, f"{path} exists: a capture never overwrites, name another file") from error
    except OSError as error:
        raise OSError(error.errno, f"cannot write the capture {path}: {error.strerror}") from error
