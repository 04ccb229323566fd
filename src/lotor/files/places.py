"""Where files lie: directories that are made for everybody to pass through, and who could put another file in the place
of one."""

from __future__ import annotations

import errno
import grp
import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
"""Where the programs of a system lie: what a script and a program of ours are called with, whatever called us."""

STATE = "/var/lib/lotor"
"""Where lotor keeps what a restart must not lose."""
OPEN = 0o755
MOST_LINKS = 40
"""As many symbolic links on one way as the kernel follows."""

Step = tuple[Path, os.stat_result]


def state_directory() -> Path:
    """STATE, or what the service manager gave in its place (systemd.exec(5), StateDirectory)."""
    return Path(os.environ.get("STATE_DIRECTORY", "").partition(":")[0] or STATE)


def make_open(directory: Path) -> None:
    """The directory is there. What of its path was missing is made for everybody to pass through: what lies in it says
    itself who may have it. Raises `OSError`."""
    if directory.is_dir():
        return
    make_open(directory.parent)
    directory.mkdir(exist_ok=True)
    directory.chmod(OPEN)


def ourselves() -> frozenset[int]:
    """The users who may change what this process reads: root and its own."""
    return frozenset({0, os.geteuid()})


def ourselves_and_caller() -> frozenset[int]:
    """The same, and who called a program of root's by sudo: it works for that person."""
    caller = os.environ.get("SUDO_UID", "")
    return ourselves() | ({int(caller)} if os.geteuid() == 0 and caller.isdecimal() else frozenset())


def changeable(path: Path, status: os.stat_result, trusted: frozenset[int]) -> str | None:
    """Who else could change a file, or put another one in its place, with what to do; None: nobody. `status` is that of
    the opened file; all directories and links on the way to it are looked at."""
    if status.st_uid not in trusted:
        return f"it belongs to user {status.st_uid}, who could change it: chown root {path}"
    if _others_write(status, trusted):
        return f"it has mode {_mode(status)}, so that others could change it: chmod go-w {path}"
    try:
        return next((told for step in _way(path.absolute()) if (told := _replaceable(step, trusted))), None)
    except OSError as error:
        return f"the way to it cannot be looked at: {error.strerror}"


def _replaceable(step: Step, trusted: frozenset[int]) -> str | None:
    place, status = step
    if status.st_uid not in trusted:
        return f"{place} on the way to it belongs to user {status.st_uid}, who could put another file there"
    if stat.S_ISDIR(status.st_mode) and not status.st_mode & stat.S_ISVTX and _others_write(status, trusted):
        return f"it lies below {place} (mode {_mode(status)}), where others could put another file: chmod go-w {place}"
    return None


def _way(path: Path) -> Iterator[Step]:
    """The directories and symbolic links between the root and a file, the file left out. Raises `OSError`."""
    ahead, here, links = list(path.parts[1:]), Path("/"), 0
    yield here, here.lstat()
    while ahead:
        name = ahead.pop(0)
        there = here.parent if name == ".." else here / name
        status = there.lstat()
        if stat.S_ISLNK(status.st_mode):
            yield there, status
            links += 1
            if links > MOST_LINKS:
                raise OSError(errno.ELOOP, "too many symbolic links")
            target = there.readlink()
            ahead = [*(target.parts[1:] if target.is_absolute() else target.parts), *ahead]
            here = Path("/") if target.is_absolute() else here
        elif ahead:
            here = there
            yield here, status


def _others_write(status: os.stat_result, trusted: frozenset[int]) -> bool:
    if status.st_mode & stat.S_IWOTH:
        return True
    return bool(status.st_mode & stat.S_IWGRP) and not _members(status.st_gid) <= trusted


def _members(group: int) -> set[int]:
    """The users of a group, as far as this host can list them."""
    try:
        named = set(grp.getgrgid(group).gr_mem)
    except KeyError:
        named = set()
    return {user.pw_uid for user in pwd.getpwall() if user.pw_gid == group or user.pw_name in named}


def _mode(status: os.stat_result) -> str:
    return f"{stat.S_IMODE(status.st_mode):04o}"
