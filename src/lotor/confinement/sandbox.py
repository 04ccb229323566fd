"""What a process that reads peers' bytes gives up for good: files it does not need, system calls it never makes.

It is for a process without rights (`unprivileged`). Nothing here can be taken back. `confine` comes when
everything is open that has to be, and before any other thread.
"""

from __future__ import annotations

import logging
import sysconfig
from collections.abc import Iterable
from enum import Enum
from pathlib import Path

import lotor
from lotor import _native
from lotor.model.frozen import frozen

log = logging.getLogger(__name__)

TASKS = Path("/proc/self/task")

SYSTEM = (
    *map(Path, ("/lib", "/lib64", "/usr/lib", "/usr/share/zoneinfo", "/etc/ld.so.cache", "/etc/localtime")),
    *map(Path, ("/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf")),
    *map(Path, ("/etc/passwd", "/etc/group")),  # who calls at the control socket
    Path("/dev/urandom"),
    Path("/sys/devices/system/cpu"),  # the C library counts processors
)
"""What libraries and lookups of names read. Nothing secret is among them: passwords are in /etc/shadow."""


class Profile(Enum):
    """Whose system calls: a list in `rust/sandbox`."""

    DAEMON = "daemon"


class Unconfined(Exception):  # noqa: N818 - what the process stays
    """The kernel refused what has to be; a whole sentence."""


@frozen
class Files:
    """What may still be opened: trees or single files, where they are there. `write`: read, made, removed too."""

    read: tuple[Path, ...] = ()
    write: tuple[Path, ...] = ()


@frozen
class Confinement:
    """What is in force. `landlock`: the version of its interface, 0 where this kernel has none."""

    landlock: int
    calls: Profile


def program_files() -> tuple[Path, ...]:
    """Where Python and its libraries, this program among them, lie: modules are loaded at their first use."""
    places = {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return tuple(sorted({*SYSTEM, *places, Path(lotor.__file__).parent}))


def confine(files: Files, profile: Profile) -> Confinement:
    """Files first, then calls: the list of calls has none left that could change either. Raises `Unconfined`."""
    reached = confine_files(files)
    try:
        _native.restrict_calls(profile.value)
    except OSError as error:
        raise Unconfined(f"the kernel takes no list of system calls: {error}") from error
    return Confinement(reached, profile)


def confine_files(files: Files) -> int:
    """The version of Landlock's interface that is in force; 0, with a warning, where the kernel has none. Raises
    `Unconfined`, above all beside another thread: it would keep all its files."""
    if (count := sum(1 for _ in TASKS.iterdir())) != 1:
        raise Unconfined(f"{count} threads run already: files have to be given up before the second one begins")
    try:
        reached = _native.restrict_files(_texts(files.read), _texts(files.write))
    except OSError as error:
        raise Unconfined(f"files cannot be given up: {error}") from error
    if not reached:
        log.warning("this kernel has no Landlock: the process could still open any file that its user may open")
    return reached


def _texts(paths: Iterable[Path]) -> list[str]:
    return [str(path) for path in paths]
