"""Files that say whom to trust: certificates and revocation lists, by name or all that a directory has."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import field
from enum import Enum
from fnmatch import fnmatchcase
from pathlib import Path

from lotor.files.private import LARGEST, FileError, read_public, read_trusted
from lotor.model.frozen import frozen

Stamp = str
"""Changes with the file: its inode, its size and the time of its last change."""


class Kind(Enum):
    """What a public file contains."""

    CERTIFICATES = "certificates"
    LISTS = "revocation lists"


PATTERNS = {
    Kind.CERTIFICATES: ("*.crt", "*.pem", "*.cer", "*.[0-9]"),
    Kind.LISTS: ("*.crl", "*.r[0-9]", "*.r[0-9][0-9]"),
}
"""In the directory of `path certificate`; those with digits are the hashed names of `openssl rehash`."""
MOST_FILES = 2000
"""Of a kind, in one directory."""
LARGEST_OF = {Kind.CERTIFICATES: LARGEST, Kind.LISTS: 1 << 25}
"""Octets: an authority may have revoked a million certificates."""
_READ: dict[Kind, Callable[..., bytes]] = {Kind.CERTIFICATES: read_trusted, Kind.LISTS: read_public}
"""A list is signed by its authority, so anybody may write its file; the file of an authority decides whom to trust."""


@frozen
class Content:
    stamp: Stamp
    octets: bytes = field(repr=False)


@frozen
class Unreadable:
    """`why` is a whole sentence that names the file; `stamp` None: not even that can be had."""

    why: str
    stamp: Stamp | None = None


@frozen
class Listed:
    """A file of a directory; `stamp` None: it cannot be looked at."""

    path: Path
    stamp: Stamp | None


class LocalFiles:
    """Implements `ports.public_files.PublicFiles` on the files of this host."""

    def read(self, path: Path, kind: Kind, known: Stamp | None = None) -> Content | Unreadable | None:
        try:
            stamp = _stamp(path)
        except OSError as error:
            missing = isinstance(error, FileNotFoundError)
            return Unreadable(f"{path} {'does not exist' if missing else f'cannot be read: {error.strerror}'}")
        if stamp == known:
            return None
        try:
            return Content(stamp, _READ[kind](path, largest=LARGEST_OF[kind]))
        except FileError as fault:
            return Unreadable(str(fault), stamp)

    def listing(self, directory: Path, kind: Kind) -> tuple[Listed, ...]:
        return tuple(listed(directory, name) for name in names(directory, kind))


def fits(name: str, kind: Kind) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in PATTERNS[kind])


def names(directory: Path, kind: Kind) -> list[str]:
    """In their order, `MOST_FILES` at most; none of a directory that cannot be read."""
    try:
        with os.scandir(directory) as found:
            return sorted(each.name for each in found if fits(each.name, kind))[:MOST_FILES]
    except OSError:
        return []


def listed(directory: Path, name: str) -> Listed:
    path = directory / name
    try:
        return Listed(path, _stamp(path))
    except OSError:
        return Listed(path, None)


def _stamp(path: Path) -> Stamp:
    status = os.stat(path)  # noqa: PTH116 - the tests count what the configuration's own check looks at
    return f"{status.st_ino}:{status.st_size}:{status.st_mtime_ns}"


LOCAL_FILES = LocalFiles()
