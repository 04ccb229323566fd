"""The control socket of a `lotor connect` that runs without a daemon: for status, explain and events beside it."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from lotor.control import visits
from lotor.control.listening import Address, Listener

log = logging.getLogger(__name__)


@contextlib.contextmanager
def visited(state: Path = visits.STATE) -> Iterator[Listener | None]:
    """A socket for this user alone. None when there can be none: the connection is worth more."""
    for left in visits.silent(state):
        with contextlib.suppress(OSError):
            left.unlink()
    try:
        listener = Listener(Address(visits.socket_of(os.getpid(), state), str(os.geteuid()), str(os.getegid())))
    except OSError as error:
        log.warning("lotor status will not see this connection: %s", error.strerror or error)
        yield None
        return
    try:
        yield listener
    finally:
        listener.close()
