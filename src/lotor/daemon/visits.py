"""The control socket of a `lotor connect` that runs without a daemon: for status, explain and events beside it."""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path

from lotor.control import visits
from lotor.control.listening import Address
from lotor.control.server import ControlServer
from lotor.daemon.service import AdminService
from lotor.daemon.wiring import Wiring

log = logging.getLogger(__name__)


async def attend(wiring: Wiring, gateway: str, state: Path = visits.STATE) -> ControlServer | None:
    """Listens, for this user alone. None when there can be no socket: the connection is worth more."""
    for left in visits.silent(state):
        with contextlib.suppress(OSError):
            left.unlink()
    address = Address(visits.socket_of(os.getpid(), state), str(os.geteuid()), str(os.getegid()))
    server = ControlServer(address, AdminService(wiring, f"none: lotor connect {gateway}"))
    try:
        await server.start()
    except OSError as error:
        log.warning("lotor status will not see this connection: %s", error.strerror or error)
        return None
    return server
