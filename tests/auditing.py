"""What the thread of an event loop does that may wait for a disk, another program or another host, as the interpreter
tells it (PEP 578): no clock says whether something waits."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator

WAITING = frozenset(
    {
        "sqlite3.connect",
        "open",
        "os.listdir",
        "os.scandir",
        "os.rename",
        "os.remove",
        "os.mkdir",
        "os.fork",
        "os.forkpty",
        "os.exec",
        "os.posix_spawn",
        "os.system",
        "subprocess.Popen",
        "fcntl.flock",
        "fcntl.lockf",
        "socket.getaddrinfo",
        "socket.gethostbyname",
        "socket.gethostbyaddr",
        "socket.getnameinfo",
        "time.sleep",
        "import",
    }
)

KERNEL = ("/proc/", "/sys/", "/dev/null", "/dev/urandom")
"""Files that the kernel writes at once."""


class Watched:
    """What one thread did, as (event, what of); in every other thread it may be done."""

    def __init__(self) -> None:
        self.thread = 0
        self.done: list[tuple[str, str]] = []
        self.elsewhere: set[str] = set()

    def hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.thread or event not in WAITING:
            return
        if threading.get_ident() == self.thread:
            what = str(arguments[0]) if arguments else ""
            if not what.startswith(KERNEL):
                self.done.append((event, what))
        else:
            self.elsewhere.add(event)


_watched: list[Watched] = []


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    for each in _watched:
        each.hear(event, arguments)


@contextlib.contextmanager
def watched() -> Iterator[Watched]:
    """The thread that calls, from here to the end of the block. A hook is there for good, and idle outside of it."""
    if not _installed:
        sys.addaudithook(_hear)
        _installed.append(True)
    watching = Watched()
    watching.thread = threading.get_ident()
    _watched.append(watching)
    try:
        yield watching
    finally:
        watching.thread = 0
        _watched.remove(watching)


_installed: list[bool] = []
