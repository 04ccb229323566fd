"""A guarded /etc/resolv.conf: lotor's file replaces the file from before, which comes back exactly as it was.

The file is replaced, never written through a symbolic link. The file from before (or the link) keeps its inode under
another name beside it, so that it survives a reboot; where the file is a mount point (containers, network namespaces)
its octets are kept in the directory of the journal instead and written in place. What someone else wrote in between is
theirs: it stays.

Connections share lotor's file, also those of several processes: comments in it say what each of them wants, so that
each takes back its own in any order, and the last one brings the file from before back.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import logging
import os
import stat
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_address
from itertools import chain, zip_longest
from pathlib import Path

from lotor.model.frozen import frozen
from lotor.model.network import Address

log = logging.getLogger(__name__)

HEADER = "# Written by lotor while a VPN connection is up."
KEPT = "# The file from before comes back when the connection ends; until then it is"
NOTHING_KEPT = "# There was no such file before; this one goes when the connection ends."
WANTED = "# for "
"""Begins a line that says which connection wants a line: `# for NAME: nameserver 10.0.12.1`."""
SEARCH, SERVER = "search ", "nameserver "
MOST_SERVERS = 3
"""The C library reads no more `nameserver` lines."""
SUFFIX = ".before-lotor"
MODE = 0o644
LONGEST = 65536
TRIES, PAUSE = 100, 0.05
"""How often, and after how many seconds, another process is asked to let go of the file."""

Wishes = Mapping[str, list[str]]
"""By the name of a connection, its lines; the first one is asked first."""


@frozen
class Place:
    """The file, and where its octets are kept when it cannot be moved aside."""

    path: Path
    elsewhere: Path

    @property
    def beside(self) -> Path:
        return self.path.with_name(self.path.name + SUFFIX)


@asynccontextmanager
async def alone(place: Place) -> AsyncIterator[None]:
    """No other lotor changes the file meanwhile. Raises `TimeoutError`."""
    directory = os.open(place.elsewhere.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for _ in range(TRIES):
            with suppress(BlockingIOError):
                fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            await asyncio.sleep(PAUSE)
        else:
            raise TimeoutError(errno.ETIMEDOUT, f"another lotor does not let go of {place.path}")
        yield
    finally:
        os.close(directory)


def join(place: Place, name: str, lines: list[str], *, first: bool) -> None:
    """A connection wants these lines in the file, before all others where it is `first`. Raises `OSError`."""
    if not is_ours(place.path):
        kept = _put_aside(place)
        _write(place.path, [HEADER, kept, *_merged({name: lines})])
        return
    before = {each: wanted for each, wanted in _wishes(place).items() if each != name}
    _write(place.path, [HEADER, _kept(place), *_merged({name: lines, **before} if first else {**before, name: lines})])


def leave(place: Place, name: str) -> bool:
    """Without the lines of a connection; with the last one comes back what was there before. False when there was
    nothing of it to undo, or someone else wrote since."""
    if not is_ours(place.path):
        return _forget(place)
    before = _wishes(place)
    left = {each: wanted for each, wanted in before.items() if each != name}
    if not left:
        return restore(place)
    if left == before:
        return False
    _write(place.path, [HEADER, _kept(place), *_merged(left)])
    return True


def restore(place: Place) -> bool:
    """Bring back what was there before, whoever wants lines; False as for `leave`."""
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


def _put_aside(place: Place) -> str:
    """The comment that says where the file from before is."""
    place.beside.unlink(missing_ok=True)  # from before someone else wrote the file that stands there now
    return f"{KEPT} {_keep(place)}" if os.path.lexists(place.path) else NOTHING_KEPT


def _kept(place: Place) -> str:
    return next((line for line in _text(place.path).splitlines() if line.startswith(KEPT)), NOTHING_KEPT)


def _wishes(place: Place) -> dict[str, list[str]]:
    """None in the file of an earlier lotor, which was one connection's."""
    wishes: dict[str, list[str]] = {}
    for line in _text(place.path).splitlines():
        name, colon, wanted = line.removeprefix(WANTED).partition(": ")
        if line.startswith(WANTED) and colon:
            wishes.setdefault(name, []).append(wanted)
    return wishes


def _merged(wishes: Wishes) -> list[str]:
    """Who wants what, and lines for the C library: of each connection the first server, then the second ones."""
    told = [f"{WANTED}{name}: {line}" for name, lines in wishes.items() for line in lines]
    domains = [line.removeprefix(SEARCH) for line in chain(*wishes.values()) if line.startswith(SEARCH)]
    by_connection = [[line for line in lines if line.startswith(SERVER)] for lines in wishes.values()]
    servers = list(dict.fromkeys(line for turn in zip_longest(*by_connection) for line in turn if line))
    search = [SEARCH + " ".join(dict.fromkeys(domains))] if domains else []
    return told + search + servers[:MOST_SERVERS]


def servers(resolv_conf: str) -> list[Address]:
    """The `nameserver` lines that the C library reads, of anybody's file."""
    found: list[Address] = []
    for line in resolv_conf.splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver":
            try:
                found.append(ip_address(words[1].partition("%")[0]))
            except ValueError:
                continue
    return found


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
