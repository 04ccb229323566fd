"""A guarded /etc/resolv.conf: lotor's file replaces the file from before, which comes back exactly as it was.

The file is replaced, never written through a symbolic link. The file from before (or the link) keeps its inode under
another name beside it, so that it survives a reboot; where the file is a mount point (containers, network namespaces)
its octets are kept in the directory of the journal instead and written in place. What someone else wrote in between is
theirs: it stays.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

HEADER = "# Written by lotor while a VPN connection is up."
KEPT = "# The file from before comes back when the connection ends; until then it is"
NOTHING_KEPT = "# There was no such file before; this one goes when the connection ends."
SUFFIX = ".before-lotor"
MODE = 0o644
LONGEST = 65536


@dataclass(frozen=True, slots=True)
class Place:
    """The file, and where its octets are kept when it cannot be moved aside."""

    path: Path
    elsewhere: Path

    @property
    def beside(self) -> Path:
        return self.path.with_name(self.path.name + SUFFIX)


def replace(place: Place, lines: list[str]) -> None:
    """Put ours in place. Raises `OSError`; `FileExistsError` when a connection's file stands there already."""
    if is_ours(place.path):
        raise FileExistsError(errno.EEXIST, f"{place.path} is another connection's")
    place.beside.unlink(missing_ok=True)  # from before someone else wrote the file that stands there now
    if not os.path.lexists(place.path):
        _write(place.path, [HEADER, NOTHING_KEPT, *lines])
        return
    kept = _keep(place)
    _write(place.path, [HEADER, f"{KEPT} {kept}", *lines])


def restore(place: Place) -> bool:
    """Bring back what was there before; False when there was nothing of ours to undo, or someone else wrote since."""
    if not is_ours(place.path):
        return _forget(place)
    if os.path.lexists(place.beside):
        place.beside.rename(place.path)
    elif os.path.lexists(place.elsewhere):
        _write_in_place(place.path, place.elsewhere.read_bytes())
        from shutil import copystat

        copystat(place.elsewhere, place.path)
        place.elsewhere.unlink()
    elif NOTHING_KEPT in _text(place.path):
        place.path.unlink()
    else:
        what = f"{place.path} is lotor's and the file from before is gone: write it anew"
        raise FileNotFoundError(errno.ENOENT, what)
    return True


def is_ours(path: Path) -> bool:
    return _text(path).startswith(HEADER)


def _text(path: Path) -> str:
    """What a plain file holds; nothing when it is a link, something else or not there."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return ""
    try:
        plain = stat.S_ISREG(os.fstat(descriptor).st_mode)
        return os.read(descriptor, LONGEST).decode("utf-8", "replace") if plain else ""
    finally:
        os.close(descriptor)


def _forget(place: Place) -> bool:
    """Ours is gone already. Someone else's file stays, and the one from before too, under the name it has."""
    place.elsewhere.unlink(missing_ok=True)
    if not os.path.lexists(place.beside):
        return False
    if not os.path.lexists(place.path):
        place.beside.rename(place.path)
        return True
    if place.beside.lstat().st_ino == place.path.lstat().st_ino:
        place.beside.unlink()
    else:
        log.warning("%s was written by someone else and stays; the one from before is %s", place.path, place.beside)
    return False


def _keep(place: Place) -> Path:
    """A second name for the file from before, or a copy of it where there cannot be one."""
    try:
        os.link(place.path, place.beside, follow_symlinks=False)
    except OSError:
        if not stat.S_ISREG(place.path.lstat().st_mode):
            raise
        descriptor = os.open(place.elsewhere, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        os.close(descriptor)
        from shutil import copy2

        copy2(place.path, place.elsewhere)
        return place.elsewhere
    return place.beside


def _write(path: Path, lines: list[str]) -> None:
    """The whole file at once by renaming; a mount point cannot be renamed over and is written in place."""
    octets = "".join(f"{line}\n" for line in lines).encode("ascii")
    new = path.with_name(f".{path.name}.lotor")
    with suppress(FileNotFoundError):
        new.unlink()
    try:
        _create(new, octets)
        new.rename(path)
    except OSError as error:
        with suppress(OSError):
            new.unlink()
        if error.errno != errno.EBUSY:
            raise
        _write_in_place(path, octets)


def _create(path: Path, octets: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, MODE)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, MODE)
        file.write(octets)
        file.flush()
        os.fsync(descriptor)


def _write_in_place(path: Path, octets: bytes) -> None:
    """Cut after writing, not before: a process that dies in between leaves a file that still tells whose it is."""
    descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "wb") as file:
        file.write(octets)
        file.truncate()
