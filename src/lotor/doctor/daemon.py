"""The daemon: whether one runs with this configuration, by its control socket."""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lotor.doctor.finding import Finding, ok, unknown, warn, wrong
from lotor.doctor.subject import Subject
from lotor.model.policy import Side

CREDENTIALS = struct.Struct("=iii")
"""`struct ucred`: process, user, group."""
PATIENCE = 1.0
"""Seconds that a daemon has to take a connection."""
USUAL = Path("/etc/lotor/racoon.conf")
UNIT = Path("/usr/lib/systemd/system/lotor.service"), Path("/etc/systemd/system/lotor.service")


@dataclass(frozen=True, slots=True)
class Seen:
    """`process` None: no daemon answers, or `forbidden` to this user. `start` is the command that starts one."""

    socket: Path
    process: int | None
    forbidden: bool
    gateway: bool
    start: str


def look(subject: Subject) -> Seen:
    process, forbidden = None, False
    try:
        process = listener_of(subject.socket)
    except OSError as error:
        forbidden = error.errno == errno.EACCES
    return Seen(subject.socket, process, forbidden, Side.GATEWAY in subject.sides, start_of(subject))


def listener_of(place: Path) -> int:
    """The process that listens at a local socket. Raises `OSError`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as made:
        made.settimeout(PATIENCE)
        made.connect(str(place))
        process: int = CREDENTIALS.unpack(made.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size))[0]
        return process


def start_of(subject: Subject) -> str:
    if subject.systemd and subject.path == USUAL and any(each.exists() for each in UNIT):
        return "systemctl enable --now lotor.service"
    return f"lotor daemon -f {subject.path}"


def judge(seen: Seen) -> Iterator[Finding]:
    if seen.process is not None:
        yield ok(f"process {seen.process} answers at {seen.socket}")
    elif seen.forbidden:
        yield unknown(f"{seen.socket} is not open to this user", "sudo lotor doctor")
    elif seen.gateway:
        yield wrong(f"no daemon answers at {seen.socket}", seen.start)
    else:
        yield warn(f"no daemon answers at {seen.socket}", seen.start)
