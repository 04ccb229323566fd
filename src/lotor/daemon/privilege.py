"""Whether this process may do what a daemon does."""

from __future__ import annotations

import os
from pathlib import Path

from lotor.daemon.exits import Exit, StartError

CAP_NET_BIND_SERVICE = 10
CAP_NET_ADMIN = 12


def demand_privilege(status: Path = Path("/proc/self/status")) -> None:
    """Raises `StartError` with what to do."""
    held = _effective(status)
    if held >> CAP_NET_ADMIN & 1 and held >> CAP_NET_BIND_SERVICE & 1:
        return
    if os.geteuid() != 0:
        raise StartError("lotor opens ports 500 and 4500, a TUN device and routes: run it as root", Exit.NOT_ROOT)
    raise StartError(
        "root lacks CAP_NET_ADMIN here: in a container add --cap-add NET_ADMIN --device /dev/net/tun", Exit.NOT_ROOT
    )


def _effective(status: Path) -> int:
    for line in status.read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0
