"""Whether this process may do what a daemon does."""

from __future__ import annotations

import os
from pathlib import Path

from lotor.confinement.capabilities import Capability
from lotor.daemon.exits import Exit, StartError

STATUS = Path("/proc/self/status")
OF_WARDENS = (Capability.SETUID, Capability.SETGID, Capability.KILL)
"""To start a process that becomes another user, and to end it."""


def demand_privilege(status: Path = STATUS) -> None:
    """Raises `StartError` with what to do."""
    held = effective(status.read_text())
    lacks = [each for each in (Capability.NET_ADMIN, Capability.NET_BIND_SERVICE) if not held >> each & 1]
    if not lacks:
        return
    if os.geteuid() != 0:
        raise StartError("lotor opens ports 500 and 4500, a TUN device and routes: run it as root", Exit.NOT_ROOT)
    named = ", ".join(f"CAP_{each.name}" for each in lacks)
    options = [f"--cap-add {each.name}" for each in lacks]
    options += ["--device /dev/net/tun"] if Capability.NET_ADMIN in lacks else []
    raise StartError(f"root lacks {named} here: in a container add {' '.join(options)}", Exit.NOT_ROOT)


def demand_wardens_privilege(status: Path = STATUS) -> None:
    """What two processes need beside. Raises `StartError` with what to do."""
    if missing := _missing(effective(status.read_text()), OF_WARDENS):
        raise StartError(
            f"root lacks {missing} here, and the daemon is another user's process: give lotor these capabilities, or "
            "start it with --single-process",
            Exit.NOT_ROOT,
        )


def _missing(held: int, wanted: tuple[Capability, ...]) -> str:
    """Empty when there is none."""
    return ", ".join(f"CAP_{each.name}" for each in wanted if not held >> each & 1)


def effective(status: str) -> int:
    """The set of capabilities that count (CapEff), of /proc/PID/status: a bit each by its number."""
    for line in status.splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0
