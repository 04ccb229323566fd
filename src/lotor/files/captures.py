"""The files of a capture, packets and keys of both versions: made by a process that may, never over others."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeAlias

KEYS_SUFFIX = ".ikev{}_decryption_table"
"""With the version: names of Wireshark's tables."""
Made: TypeAlias = tuple[int, int, int]
"""Descriptors: of packets, of the keys of IKEv1, and of those of IKEv2."""


def make(path: Path) -> Made:
    """The files of a capture, of mode 0600, which can only be added to; `OSError` with a sentence when one was there
    before or cannot be made."""
    made = dict[Path, int]()
    try:
        for each in _files(path):
            made[each] = _create(each)
    except OSError:
        for each, descriptor in made.items():
            os.close(descriptor)
            each.unlink()
        raise
    packets, *keys = made.values()
    return packets, keys[0], keys[1]


def discard(path: Path) -> None:
    """Of a start that came to nothing: the next try is not refused for its sake."""
    for each in _files(path):
        each.unlink(missing_ok=True)


def keys_of(path: Path, version: int = 1) -> Path:
    """The file of the keys of one version of IKE, beside that of the packets."""
    return path.with_name(path.name + KEYS_SUFFIX.format(version))


def _files(path: Path) -> tuple[Path, ...]:
    return path, keys_of(path), keys_of(path, 2)


def _create(path: Path) -> int:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o600)
    except FileExistsError as error:
        raise OSError(error.errno, f"{path} exists: a capture never overwrites, name another file") from error
    except OSError as error:
        raise OSError(error.errno, f"cannot write the capture {path}: {error.strerror}") from error
