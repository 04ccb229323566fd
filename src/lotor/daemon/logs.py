"""Where log lines go: standard error, a file or syslog, and from which level on.

A line that cannot be written (a full disk, syslog gone) is lost; the next one that can says how many were.
"""

from __future__ import annotations

import errno
import logging
import logging.handlers
import os
import sys
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Any, TextIO

SYSLOG = Path("/dev/log")
LEVELS = {
    "error": logging.ERROR,
    "warning": logging.WARNING,
    "notify": logging.INFO,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "debug2": logging.DEBUG,
}

PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (logging.NOTSET, 7))
"""Those of syslog(3), by the least level that they are for."""


class Sink(Enum):
    STDERR = "standard error"
    SYSLOG = "syslog"


def set_up(sink: Sink | Path | int, level: str, *, debug: bool) -> None:
    """Replaces what was set up before. A number is a descriptor of `open_log`; `level` as the `log` directive names
    it."""
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


def open_log(path: Path) -> int:
    """A descriptor for a process that may not open the file itself; several processes may write to it. `OSError`."""
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)


def goes_nowhere(sink: Sink | Path) -> bool:
    """Whether a process without a terminal would log for nobody."""
    return sink is Sink.SYSLOG and not SYSLOG.exists()


def journal_reads(stream: TextIO) -> bool:
    """Whether systemd's journal is at the other end: then it adds the time itself. `JOURNAL_STREAM` names the stream
    that the service was started with, which may not be this one any more (sd-daemon(3), systemd.exec(5))."""
    device, _, inode = os.environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        found = os.fstat(stream.fileno())
        return (found.st_dev, found.st_ino) == (int(device), int(inode))
    except (OSError, ValueError):
        return False


def prioritized(text: str, level: int) -> str:
    """Each line begins with the priority by which the journal sorts it."""
    number = next(number for least, number in PRIORITIES if level >= least)
    return "\n".join(f"<{number}>{line}" for line in text.split("\n"))


def fault(text: str) -> str:
    """What ends a command, for the journal."""
    return prioritized(text, logging.ERROR)


class _Prioritized(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return prioritized(super().format(record), record.levelno)


class _Losing(logging.Handler):
    """Counts the lines that the handler behind it could not write, instead of a traceback for each."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._lost = 0
        self._why = ""
        self._failed = False

    def emit(self, record: logging.LogRecord) -> None:
        if not self._lost:
            self._try(record)
            return
        lines = "1 line is" if self._lost == 1 else f"{self._lost} lines are"
        told = f"{lines} missing here, the log could not be written: {self._why}"
        if self._try(logging.LogRecord(record.name, logging.WARNING, "", 0, told, None, None)):
            self._lost = 0
            self._try(record)
        else:
            self._lost += 1

    def _try(self, record: logging.LogRecord) -> bool:
        """Whether it was written."""
        self._failed = False
        try:
            super().emit(record)
        except OSError:
            self.handleError(record)
        if self._failed and not self._lost:
            self._lost = 1
        return not self._failed

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
            return
        self._failed, self._why = True, error.strerror or type(error).__name__


class _Stream(_Losing, logging.StreamHandler[Any]):
    pass


class _File(_Losing, logging.FileHandler):
    """What a full disk did not take is dropped, not kept to be written with a later line; the file is opened anew."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        super().handleError(record)
        stream: Any = self.stream
        if self._failed and stream is not None:
            with suppress(OSError):
                stream.close()
            self.stream = None  # the library opens it again at the next line


class _Writing(logging.Handler):
    """Each line is one write to a descriptor, so that nothing is kept of one that failed."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._write(f"{self.format(record)}\n".encode())
        except Exception:  # noqa: BLE001 - as the library's handlers do
            self.handleError(record)

    def _write(self, line: bytes) -> None:
        if os.write(self._descriptor, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class _Opened(_Losing, _Writing):
    pass


class _System(_Losing, logging.handlers.SysLogHandler):
    pass


def _handler(sink: Sink | Path | int) -> logging.Handler:
    if sink is Sink.SYSLOG and SYSLOG.exists():
        system = _System(str(SYSLOG), logging.handlers.SysLogHandler.LOG_DAEMON)
        system.setFormatter(logging.Formatter("lotor: %(levelname)s %(message)s"))
        return system
    if sink is Sink.STDERR and journal_reads(sys.stderr):
        journal = _Stream(sys.stderr)
        journal.setFormatter(_Prioritized("%(message)s"))
        return journal
    handler = _Opened(sink) if isinstance(sink, int) else _File(sink) if isinstance(sink, Path) else _Stream(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S"))
    return handler
