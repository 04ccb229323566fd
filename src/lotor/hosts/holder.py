"""Which sockets there are on this host, and which program holds a UDP port: as /proc tells it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from lotor.model.text import clean

PROC = Path("/proc")
PROGRAM = "lotor"
DAEMON = b"lotor.daemon.entry"
"""The word on the command line of a daemon that names its module (`daemon/entry`)."""
TABLES = ("udp", "udp6")
LOCAL, INODE = 1, 9
"""Columns of /proc/net/udp and /proc/net/raw."""


def holder_of(port: int, proc: Path = PROC) -> str:
    """`charon (process 812)`; empty where nobody holds the port, or one whom this process may not look at."""
    sockets = {f"socket:[{inode}]" for inode in _inodes(port, proc)}
    if not sockets:
        return ""
    for process in proc.iterdir():
        if process.name.isdecimal() and not sockets.isdisjoint(_open_files(process)):
            return f"{PROGRAM} (process {_parent(process)})" if _is_daemon(process) else _told(process)
    return ""


def living(kind: str, proc: Path = PROC) -> set[int] | None:
    """The inodes of the sockets of one kind, `udp` or `raw`, that have a local address, in the network namespace of
    this process; None where /proc does not tell."""
    try:
        tables = [(proc / "net" / kind).read_text()]
    except OSError:
        return None
    with contextlib.suppress(FileNotFoundError):  # a host without IPv6
        tables.append((proc / "net" / f"{kind}6").read_text())
    return {int(line.split()[INODE]) for table in tables for line in table.splitlines()[1:]}


def _inodes(port: int, proc: Path) -> Iterator[str]:
    """Of the sockets that are bound to a port, in the network namespace of this process."""
    for table in TABLES:
        with contextlib.suppress(OSError):
            for line in (proc / "net" / table).read_text().splitlines()[1:]:
                columns = line.split()
                if int(columns[LOCAL].rpartition(":")[2], 16) == port:
                    yield columns[INODE]


def _open_files(process: Path) -> Iterator[str]:
    """A process may end, or close a file, while it is looked at."""
    with contextlib.suppress(OSError):
        for file in (process / "fd").iterdir():
            with contextlib.suppress(OSError):
                yield str(file.readlink())


def _told(process: Path) -> str:
    return f"{_name(process)} (process {process.name})"


def _is_daemon(process: Path) -> bool:
    """Of lotor: without rights, and started by the warden, which is what a person started and can stop."""
    try:
        return DAEMON in (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False


def _parent(process: Path) -> str:
    try:
        return (process / "stat").read_text(errors="replace").rpartition(")")[2].split()[1]
    except (OSError, IndexError):
        return process.name


def _name(process: Path) -> str:
    try:
        return clean((process / "comm").read_text(errors="replace").strip())
    except OSError:
        return "a program"
