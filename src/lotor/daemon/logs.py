"""Where log lines go: standard error, a file, syslog or systemd's journal, in which form, and from which level on.

A line that cannot be written (a full disk, a journal that stands still) is lost; the next one that can says how many
were. Nobody waits for the daemon of a log.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import Any, TextIO

from lotor.config.settings import LogForm, Settings
from lotor.daemon import log_forms
from lotor.daemon.log_forms import Bare, Json, Prioritized, Weighed, Words, prioritized
from lotor.daemon.options import Said

SYSLOG = Path("/dev/log")
JOURNAL = Path("/run/systemd/journal/socket")
"""Where systemd's journal takes fields beside a message."""
MOST_WAITING = 1000
"""Lines that wait for a daemon of a log that falls behind: a burst, not an outage."""
UNWRITABLE = "backslashreplace"
"""What becomes of octets in the name of a file that are no UTF-8; JSON reads it as they were."""
RETRY = 0.1
"""Seconds until those are tried again."""
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


def set_up(sink: Sink | Path | int, level: str, *, debug: bool, form: LogForm = LogForm.TEXT) -> None:
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
    set_form(form)


def set_level(level: str, *, debug: bool) -> None:
    logging.getLogger("lotor").setLevel(logging.DEBUG if debug else LEVELS[level])


def set_form(form: LogForm) -> None:
    for handler in logging.getLogger().handlers:
        if isinstance(handler, _Losing):
            handler.setFormatter(handler.forms[form])


def form_of(settings: Settings, said: Said) -> LogForm:
    return LogForm.JSON if said.json else settings.log_format


def follow(settings: Settings, said: Said) -> None:
    """As another configuration has it."""
    set_level(settings.log.value, debug=said.debug)
    set_form(form_of(settings, said))


def open_log(path: Path) -> int:
    """A descriptor for a process that may not open the file itself; several processes may write to it. `OSError`."""
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)


def goes_nowhere(sink: Sink | Path) -> bool:
    """Whether a process without a terminal would log for nobody."""
    return sink is Sink.SYSLOG and not SYSLOG.exists() and not JOURNAL.exists()


def journal_reads(stream: TextIO) -> bool:
    """Whether systemd's journal is at the other end: then it adds the time itself. `JOURNAL_STREAM` names the stream
    that the service was started with, which may not be this one any more (sd-daemon(3), systemd.exec(5))."""
    device, _, inode = os.environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        found = os.fstat(stream.fileno())
        return (found.st_dev, found.st_ino) == (int(device), int(inode))
    except (OSError, ValueError):
        return False


def fault(text: str) -> str:
    """What ends a command, for the journal."""
    return prioritized(text, logging.ERROR)


def _forms(text: logging.Formatter, json: logging.Formatter | None = None) -> dict[LogForm, logging.Formatter]:
    return {LogForm.TEXT: text, LogForm.JSON: json or Json()}


class _Losing(logging.Handler):
    """Counts the lines that the handler behind it could not write, instead of a traceback for each."""

    def __init__(self, forms: dict[LogForm, logging.Formatter], *arguments: Any) -> None:
        super().__init__(*arguments)
        self.forms = forms
        self._lost = 0
        self._why = ""
        self._failed = False
        self._beside = 0

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
        self._failed, self._beside = False, 0
        try:
            super().emit(record)
        except OSError:
            self.handleError(record)
        if self._failed:
            self._lost = max(self._lost, 1) + self._beside
        return not self._failed

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
            return
        self._failed, self._why = True, error.strerror or type(error).__name__
        self._beside = error.beside if isinstance(error, _GoneError) else 0


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
            self._write(f"{self.format(record)}\n".encode(errors=UNWRITABLE))
        except Exception:  # noqa: BLE001 - as the library's handlers do
            self.handleError(record)

    def _write(self, line: bytes) -> None:
        if os.write(self._descriptor, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class _Opened(_Losing, _Writing):
    pass


class _GoneError(OSError):
    """Nobody takes lines there any more: `beside` this one so many that waited are lost."""

    beside = 0


class _Sending(logging.Handler):
    """Each line is one datagram for the daemon of a log, as `pack` makes it of a record and its text. Where that daemon
    falls behind, lines wait for it, and nobody with them. `OSError` at the start where nobody takes lines."""

    def __init__(self, path: Path, pack: Callable[[logging.LogRecord, str], bytes]) -> None:
        super().__init__()
        self._path = str(path)
        self._pack = pack
        self._socket = self._connected()
        self._waiting: deque[bytes] = deque()
        self._returns = False

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._send(self._pack(record, self.format(record)))
        except Exception:  # noqa: BLE001 - as the library's handlers do
            self.handleError(record)

    def close(self) -> None:
        """Once more for what waits."""
        with suppress(OSError):
            self._passed()
        self._socket.close()
        super().close()

    def _send(self, octets: bytes) -> None:
        if len(self._waiting) >= MOST_WAITING and not self._passed():
            raise BlockingIOError(errno.EAGAIN, "its reader stands still")
        self._waiting.append(octets)
        try:
            self._passed()
        except OSError as error:
            gone = _GoneError(error.errno, error.strerror)
            gone.beside = len(self._waiting) - 1
            self._waiting.clear()
            raise gone from error

    def _passed(self) -> bool:
        """Whether everything that waited is on its way. `OSError` where nobody takes it."""
        while self._waiting:
            try:
                self._put(self._waiting[0])
            except BlockingIOError:
                self._return()
                return False
            self._waiting.popleft()
        return True

    def _put(self, octets: bytes) -> None:
        """A reader that was started again has another socket of that name."""
        try:
            self._socket.send(octets)
        except BlockingIOError:
            raise
        except OSError:
            fresh = self._connected()
            self._socket.close()
            self._socket = fresh
            self._socket.send(octets)

    def _return(self) -> None:
        """The last lines do not wait for the next one, in a program with an event loop."""
        if not self._returns:
            with suppress(RuntimeError):
                asyncio.get_running_loop().call_later(RETRY, self._look_again)
                self._returns = True

    def _look_again(self) -> None:
        self._returns = False
        self.acquire()
        try:
            with suppress(OSError):  # the next line tells
                self._passed()
        finally:
            self.release()

    def _connected(self) -> socket.socket:
        """Most take datagrams."""
        try:
            return self._connected_by(socket.SOCK_DGRAM)
        except OSError as error:
            if error.errno != errno.EPROTOTYPE:
                raise
            return self._connected_by(socket.SOCK_STREAM)

    def _connected_by(self, kind: int) -> socket.socket:
        made = socket.socket(socket.AF_UNIX, kind)
        try:
            made.setblocking(False)
            made.connect(self._path)
        except OSError:
            made.close()
            raise
        return made


class _Sent(_Losing, _Sending):
    pass


def _handler(sink: Sink | Path | int) -> _Losing:
    if isinstance(sink, int):
        return _Opened(_forms(Words()), sink)
    if isinstance(sink, Path):
        return _File(_forms(Words()), sink, "a", "utf-8", False, UNWRITABLE)
    read = sink is Sink.STDERR and journal_reads(sys.stderr)
    if read or sink is Sink.SYSLOG:
        with suppress(OSError):
            return _Sent(_forms(Bare()), JOURNAL, log_forms.journal)
    if sink is Sink.SYSLOG:
        with suppress(OSError):
            return _Sent(_forms(Weighed()), SYSLOG, log_forms.syslog)
    if read:
        return _Stream(_forms(Prioritized(Bare()), Prioritized(Json())), sys.stderr)
    return _Stream(_forms(Words()), sys.stderr)
