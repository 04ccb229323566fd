"""The daemon: whether one answers at the control socket of this configuration, and what it remarks."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from lotor.config import loads
from lotor.config.listening import isakmp
from lotor.control.client import Connection, Unreachable
from lotor.control.messages import Report, Status
from lotor.control.peer import credentials
from lotor.doctor.finding import Finding, ok, unknown, warn, wrong
from lotor.doctor.subject import Subject
from lotor.hosts.holder import PROGRAM, holders_of
from lotor.model.frozen import frozen
from lotor.model.policy import Side

PATIENCE = 2.0
"""Seconds that a daemon has to take a connection, and to answer."""
MOST_REMARKS = 8
USUAL = Path("/etc/lotor/racoon.conf")
UNITS = (Path("/usr/lib/systemd/system"), Path("/etc/systemd/system"))


@frozen
class Seen:
    """`process` None: no daemon takes the connection, or `forbidden` to this user. `silent`: it took it and says
    nothing. `remarks`: what `lotor status` remarks. `start` is the command that starts a daemon. `socket` None: the
    daemon has none, and is known by its ports."""

    socket: Path | None
    process: int | None
    forbidden: bool = False
    silent: bool = False
    remarks: tuple[str, ...] = ()
    gateway: bool = True
    start: str = ""


def look(subject: Subject) -> Seen:
    seen = Seen(subject.socket, None, gateway=Side.GATEWAY in subject.sides, start=start_of(subject))
    if subject.socket is None:
        return replace(seen, process=by_ports(subject))
    try:
        with _connected(subject.socket) as made:
            return _asked(replace(seen, process=credentials(made)[0]), made)
    except OSError as error:
        return replace(seen, forbidden=error.errno == errno.EACCES)


def _asked(seen: Seen, made: socket.socket) -> Seen:
    try:
        with Connection(made) as daemon:
            daemon.send(Status())
            response = daemon.receive()
    except Unreachable:
        return replace(seen, silent=True)
    remarks = response.status.get("remarks", ()) if isinstance(response, Report) else ()
    return replace(seen, remarks=tuple(map(str, remarks))[:MOST_REMARKS])


def running(subject: Subject) -> int | None:
    """The process of lotor that runs with this configuration, as far as this user may see."""
    if subject.socket is None:
        return by_ports(subject)
    try:
        with _connected(subject.socket) as made:
            return credentials(made)[0]
    except OSError:
        return None


def by_ports(subject: Subject) -> int | None:
    """The lotor that has a port of this configuration."""
    listen = (subject.settings or loads("").settings).listen
    held = (each for place in isakmp(listen) for each in holders_of(place.port))
    return next((each.process for each in held if each.program == PROGRAM), None)


@contextmanager
def _connected(place: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as made:
        made.settimeout(PATIENCE)
        made.connect(str(place))
        yield made


def start_of(subject: Subject) -> str:
    """By the unit that reads this configuration, where there is one (docs/service.md)."""
    unit, client = "lotor.service", "lotor-client@.service"
    if subject.systemd and subject.path == USUAL and _has(unit):
        return f"systemctl enable --now {unit}"
    if subject.systemd and subject.path.parent == USUAL.parent and subject.path.suffix == ".conf" and _has(client):
        return f"systemctl enable --now lotor-client@{subject.path.stem}.service"
    return f"lotor daemon -f {subject.path}"


def _has(unit: str) -> bool:
    return any((each / unit).exists() for each in UNITS)


def judge(seen: Seen) -> Iterator[Finding]:
    if seen.socket is None:
        yield from _without_socket(seen)
    elif seen.process is not None and seen.silent:
        yield wrong(f"process {seen.process} has {seen.socket} and says nothing", f"kill {seen.process}", seen.start)
    elif seen.process is not None:
        yield ok(f"process {seen.process} answers at {seen.socket}")
        yield from (warn(f"it remarks: {each}", "lotor status") for each in seen.remarks)
    elif seen.forbidden:
        yield unknown(f"{seen.socket} is not open to this user", "sudo lotor doctor")
    else:
        yield (wrong if seen.gateway else warn)(f"no daemon answers at {seen.socket}", seen.start)


def _without_socket(seen: Seen) -> Iterator[Finding]:
    """`adminsock disabled`."""
    if seen.process is not None:
        yield ok(f"process {seen.process} runs, without a control socket")
    elif seen.gateway:
        yield wrong("no lotor has the ports of this configuration", seen.start)
    else:
        yield warn("no lotor has the ports of this configuration", seen.start)
