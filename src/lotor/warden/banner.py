"""The banner that clients show: a text file of the administrator, read when the configuration is loaded."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from lotor.model.configuration import LONGEST_BANNER

log = logging.getLogger(__name__)


def read_banner(path: Path) -> bytes:
    """At most `LONGEST_BANNER` octets; a file that cannot be read is a warning and an empty banner."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a FIFO must not hold the gateway up
        with os.fdopen(descriptor, "rb") as file:
            return file.read(LONGEST_BANNER) or b""
    except OSError as error:
        log.warning("banner %s cannot be read: %s; clients get none", path, error.strerror)
        return b""
