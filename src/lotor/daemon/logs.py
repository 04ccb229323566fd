"""Where log lines go: standard error, a file or syslog, and from which level on."""

from __future__ import annotations

import logging
import logging.handlers
import sys
from enum import Enum
from pathlib import Path

SYSLOG = Path("/dev/log")
LEVELS = {
    "error": logging.ERROR,
    "warning": logging.WARNING,
    "notify": logging.INFO,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "debug2": logging.DEBUG,
}


class Sink(Enum):
    STDERR = "standard error"
    SYSLOG = "syslog"


def set_up(sink: Sink | Path, level: str, *, debug: bool) -> None:
    """Replaces what was set up before. `level` as the `log` directive names it."""
    handler = _handler(sink)
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False  # no line says them
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    set_level(level, debug=debug)


def set_level(level: str, *, debug: bool) -> None:
    logging.getLogger("lotor").setLevel(logging.DEBUG if debug else LEVELS[level])


def _handler(sink: Sink | Path) -> logging.Handler:
    dated = logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    if sink is Sink.SYSLOG and SYSLOG.exists():
        system = logging.handlers.SysLogHandler(str(SYSLOG), logging.handlers.SysLogHandler.LOG_DAEMON)
        system.setFormatter(logging.Formatter("lotor: %(levelname)s %(message)s"))
        return system
    handler: logging.Handler = (
        logging.FileHandler(sink) if isinstance(sink, Path) else logging.StreamHandler(sys.stderr)
    )
    handler.setFormatter(dated)
    return handler
