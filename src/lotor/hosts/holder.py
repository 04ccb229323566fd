"""Which sockets there are on this host, and which program holds a UDP port: as /proc tells it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

from lotor.model.frozen import frozen
from lotor.model.network import Address
from lotor.model.text import clean

PROC = Path("/proc")
PROGRAM = "lotor"
DAEMON = b"lotor.daemon.entry"
"""The word on the command line of a daemon that names its module (`daemon/entry`)."""
TABLES = ("udp", "udp6")
LOCAL, INODE = 1, 9
"""Columns of /proc/net/udp and /proc/net/raw."""


@frozen
class Holder:
    """A program with a socket bound to a UDP port: at `address`. `process` None: one that this user may not look
    at."""

    address: Address
    program: str = ""
    process: int | None = None

    def __str__(self) -> str:
        return f"{self.program} (process {self.process})" if self.process is not None else ""


def holder_of(port: int, proc: Path = PROC) -> str:
    """`charon (process 812)`; empty where nobody holds the port, or one whom this process may not look at."""
    return next((str(each) for each in holders_of(port, proc) if each.process is not None), "")


def holders_of(port: int, proc: Path = PROC) -> list[Holder]:
    """Of each socket that is bound to a port, in the network namespace of this process."""
    bound = dict(_bound(port, proc))
    owners = _owners({f"socket:[{inode}]" for inode in bound}, proc) if bound else {}
    return [_holder(address, owners.get(f"socket:[{inode}]")) for inode, address in bound.items()]


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


def _bound(port: int, proc: Path) -> Iterator[tuple[str, Address]]:
    """The inodes of the sockets with a port, in the network namespace of this process, and where they are bound."""
    for table in TABLES:
        with contextlib.suppress(OSError):
            for line in (proc / "net" / table).read_text().splitlines()[1:]:
                columns = line.split()
                place, _, number = columns[LOCAL].rpartition(":")
                if int(number, 16) == port:
                    yield columns[INODE], _address(place)


def _address(text: str) -> Address:
    """As /proc/net/udp writes it: words of 32 bits in this host's order of octets."""
    words = [bytes.fromhex(text[at : at + 8]) for at in range(0, len(text), 8)]
    return ip_address(b"".join(word[::-1] if sys.byteorder == "little" else word for word in words))


def _owners(sockets: set[str], proc: Path) -> dict[str, Path]:
    """The process that has each of these sockets open."""
    found: dict[str, Path] = {}
    for process in proc.iterdir():
        if process.name.isdecimal():
            for each in sockets.intersection(_open_files(process)):
                found.setdefault(each, process)
    return found


def _holder(address: Address, process: Path | None) -> Holder:
    if process is None:
        return Holder(address)
    if _is_daemon(process):
        return Holder(address, PROGRAM, int(_parent(process)))
    return Holder(address, _name(process), int(process.name))


def _open_files(process: Path) -> Iterator[str]:
    """A process may end, or close a file, while it is looked at."""
    with contextlib.suppress(OSError):
        for file in (process / "fd").iterdir():
            with contextlib.suppress(OSError):
                yield str(file.readlink())


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
