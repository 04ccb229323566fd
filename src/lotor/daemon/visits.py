"""The control socket of a `lotor connect` that runs without a daemon: for status, explain and events beside it."""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path

from lotor.control import visits
from lotor.control.server import Address, ControlServer
from lotor.daemon.exits import Exit, StartError
from lotor.daemon.loadout import Loadout
from lotor.daemon.machinery import Machinery
from lotor.daemon.service import Origin, Steward

log = logging.getLogger(__name__)


async def attend(machinery: Machinery, gateway: str, state: Path = visits.STATE) -> ControlServer | None:
    """Listens, for this user alone. None when there can be no socket: the connection is worth more."""
    for left in visits.silent(state):
        with contextlib.suppress(OSError):
            left.unlink()
    address = Address(visits.socket_of(os.getpid(), state), str(os.geteuid()), str(os.getegid()))
    server = ControlServer(address, Steward(machinery, Origin(f"none: lotor connect {gateway}", _nothing_to_read)))
    try:
        await server.start()
    except OSError as error:
        log.warning("lotor status will not see this connection: %s", error.strerror or error)
        return None
    return server


def _nothing_to_read() -> Loadout:
    raise StartError("lotor connect has no configuration file that could be read again", Exit.FAILED)
