"""The file of a gateway's last peers: whoever is started anew after a death tells them that their sessions are gone."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from lotor.files.places import make_open

FILE = Path("/run/lotor/peers")
LARGEST = 256 * 1024
"""Octets with which a daemon begins, which is room for all that it writes."""


def cut(descriptor: int) -> None:
    """What a daemon that is dead wrote beyond that is gone: the file lies in the memory of the host."""
    with contextlib.suppress(OSError):
        if os.fstat(descriptor).st_size > LARGEST:
            os.ftruncate(descriptor, LARGEST)


@contextlib.contextmanager
def opened(*, serves: bool, file: Path = FILE) -> Iterator[int | None]:
    """Its descriptor, for one gateway at a time; None where this is none (`serves`), where another one has it, or the
    host gives none: clients then notice by themselves. Nobody but root opens it by its name. It is gone with a program
    that ends in order, and outlives one that is killed."""
    if not serves:
        yield None
        return
    try:
        make_open(file.parent)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(file, flags, 0o600)
    except OSError:
        yield None
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        yield None
        return
    try:
        yield descriptor
    finally:
        with contextlib.suppress(OSError):
            file.unlink()
        os.close(descriptor)
