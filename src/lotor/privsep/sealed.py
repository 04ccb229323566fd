"""Octets that are too many for a message, as a descriptor of memory that nobody can change any more."""

from __future__ import annotations

import fcntl
import os

from lotor.privsep.octets import Malformed

SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL


def seal(octets: bytes) -> int:
    """The descriptor is the caller's. Raises `OSError`."""
    descriptor = os.memfd_create("lotor", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(octets)
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, SEALS)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def unseal(descriptor: int, largest: int) -> bytes:
    """What is in it; the descriptor is closed. Another one of the same memory may be read at the same time. Raises
    `Malformed` for more octets than `largest`."""
    try:
        size = os.fstat(descriptor).st_size
        if size > largest:
            raise Malformed(f"{size} octets; {largest} may be")
        return _read(descriptor, size)
    finally:
        os.close(descriptor)


def _read(descriptor: int, size: int) -> bytes:
    found = bytearray()
    while len(found) < size and (part := os.pread(descriptor, size - len(found), len(found))):
        found += part
    return bytes(found)
