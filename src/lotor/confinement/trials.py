"""What a process without rights must not be able to do, tried: that privileges are gone is not assumed."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Iterable
from pathlib import Path

from lotor.confinement import capabilities
from lotor.confinement.sandbox import Unconfined
from lotor.model.frozen import frozen

SHADOW = Path("/etc/shadow")
PUBLIC = Path("/")
"""Everybody may read it, and no program of ours does."""
UNPRIVILEGED = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
PTRACE_SEIZE = 0x4206
"""Of all ways to trace the one that does not stop the other process, should it succeed."""

REFUSALS = frozenset({errno.EPERM, errno.EACCES})
NOTHING_THERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EAFNOSUPPORT})
"""Kinds of sockets that a kernel, or a service manager, has for nobody are among them."""


@frozen
class Trial:
    """`what` must not succeed; `attempt` raises `OSError` when it does not."""

    what: str
    attempt: Callable[[], object]


def of_rights(warden: int) -> tuple[Trial, ...]:
    """What the user and the capabilities decide. To be tried before the system calls are confined: some of these would
    end the process then. `warden`: its process id."""
    return (
        Trial("to become root", lambda: os.setresuid(0, 0, 0)),
        Trial("to join the group of root", lambda: os.setgroups([0])),
        Trial("to trace the warden", lambda: _trace(warden)),
        Trial("to read the warden's memory", lambda: _open(Path(f"/proc/{warden}/mem"))),
        Trial("to signal the warden", lambda: os.kill(warden, 0)),
        Trial(f"to read {SHADOW}", lambda: _open(SHADOW)),
        Trial("to open a raw socket", _raw),
        *([Trial("to listen on port 1", _low_port)] if _low_ports_are_kept() else []),
    )


def of_confinement(warden: int, *, files: bool) -> tuple[Trial, ...]:
    """What Landlock (`files`: where this kernel has it) and the list of system calls decide."""
    return (
        *([Trial(f"to look into {PUBLIC}", lambda: _open(PUBLIC))] if files else []),
        Trial("to signal the warden", lambda: os.kill(warden, 0)),
        Trial("to open a packet socket", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)),
        Trial("to make a file of code in memory", lambda: os.memfd_create("tried")),
    )


def refused(trials: Iterable[Trial]) -> tuple[str, ...]:
    """What was tried and refused; what is not there on this host is left out. Raises `Unconfined` for the first that
    succeeds, or fails for another reason than a missing right."""
    found: list[str] = []
    for trial in trials:
        number = _outcome(trial)
        if number in REFUSALS:
            found.append(trial.what)
        elif number not in NOTHING_THERE:
            raise Unconfined(f"this process has given up its privileges, and yet it was able {trial.what}")
    return tuple(found)


def _outcome(trial: Trial) -> int:
    """The number of the error; 0 when there was none."""
    try:
        trial.attempt()
    except OSError as error:
        return error.errno or -1
    return 0


def _open(path: Path) -> None:
    os.close(os.open(path, os.O_RDONLY | os.O_CLOEXEC))


def _raw() -> None:
    socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).close()


def _low_port() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tried:
        tried.bind(("127.0.0.1", 1))


def _low_ports_are_kept() -> bool:
    """Containers often give them to everybody."""
    try:
        return int(UNPRIVILEGED.read_text()) > 1
    except (OSError, ValueError):
        return True


def _trace(process: int) -> None:
    if capabilities.libc.ptrace(PTRACE_SEIZE, process, None, None):
        raise capabilities.fault()
