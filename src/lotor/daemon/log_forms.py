"""The forms of a line of the log: words for people, JSON for programs, fields for systemd's journal."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import struct
import time
from collections.abc import Iterator, Mapping
from functools import cache

from lotor.model.entry import RECORD_KEY, Entry, Making

PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (logging.NOTSET, 7))
"""Those of syslog(3), by the least level that they are for."""
FACILITY = 3
"""Daemons, as syslog(3) has it."""
PROGRAM = "lotor"
LONGEST_MESSAGE = 32_768
"""Characters of a message in one datagram, which the kernel takes as a whole or not at all."""
RESERVED = ("time", "level", "event", "message", "pid")
"""Keys of JSON beside the fields of an event."""
FIELD = re.compile(r"[A-Z][A-Z0-9_]{0,63}\Z")
"""A name that the journal takes of anybody (systemd.journal-fields(7))."""
_LENGTH = struct.Struct("<Q")


def priority(level: int) -> int:
    return next(number for least, number in PRIORITIES if level >= least)


def prioritized(text: str, level: int) -> str:
    """Each line begins with the priority by which the journal sorts it."""
    return "\n".join(f"<{priority(level)}>{line}" for line in text.split("\n"))


def entry_of(record: logging.LogRecord) -> Entry | None:
    """None where the line is of no event."""
    making: Making | None = vars(record).get(RECORD_KEY)
    return making() if making is not None else None


@cache
def message_id(event: str) -> str:
    """The identifier of an event in the journal: the same one in every version."""
    return hashlib.sha256(f"lotor event {event}".encode()).hexdigest()[:32]


class Words(logging.Formatter):
    """With the time, for files and terminals."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
        self._second, self._time = -1, ""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - the library's name
        """Made once a second: many lines have the same."""
        if int(record.created) != self._second:
            self._second, self._time = int(record.created), super().formatTime(record, datefmt)
        return self._time

    def format(self, record: logging.LogRecord) -> str:
        """What the library makes of the same form, in a third of its calls."""
        if record.exc_info or record.exc_text or record.stack_info:
            return super().format(record)
        return f"{self.formatTime(record, self.datefmt)} {record.levelname} {record.getMessage()}"


class Bare(logging.Formatter):
    """For who adds the time and the weight himself."""

    def __init__(self) -> None:
        super().__init__("%(message)s")


class Json(logging.Formatter):
    """One object a line, whatever is in the message."""

    def __init__(self) -> None:
        super().__init__("%(message)s")

    def format(self, record: logging.LogRecord) -> str:
        entry = entry_of(record)
        seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        told = {
            "time": f"{seconds}.{int(record.msecs):03}Z",
            "level": record.levelname.lower(),
            **({"event": entry.event} if entry is not None else {}),
            "message": super().format(record),
            "pid": os.getpid(),
            **(entry.fields if entry is not None else {}),
        }
        return json.dumps(told, ensure_ascii=False)


class Weighed(logging.Formatter):
    """With the weight, for syslog, whose files do not show priorities."""

    def __init__(self) -> None:
        super().__init__("%(levelname)s %(message)s")


class Prioritized(logging.Formatter):
    """For a standard error that the journal reads."""

    def __init__(self, form: logging.Formatter) -> None:
        super().__init__()
        self._form = form

    def format(self, record: logging.LogRecord) -> str:
        return prioritized(self._form.format(record), record.levelno)


def syslog(record: logging.LogRecord, text: str) -> bytes:
    """A datagram for /dev/log: RFC 3164 without time and host, which the daemon of the log adds."""
    line = f"<{FACILITY << 3 | priority(record.levelno)}>{PROGRAM}: {text[:LONGEST_MESSAGE]}\0"
    return line.encode(errors="replace")


def journal(record: logging.LogRecord, text: str) -> bytes:
    """A datagram for systemd's journal."""
    return fields(dict(_journal(record, text[:LONGEST_MESSAGE])))


def _journal(record: logging.LogRecord, text: str) -> Iterator[tuple[str, str]]:
    yield "MESSAGE", text
    yield "PRIORITY", str(priority(record.levelno))
    yield "SYSLOG_FACILITY", str(FACILITY)
    yield "SYSLOG_IDENTIFIER", PROGRAM
    entry = entry_of(record)
    if entry is None:
        return
    yield "MESSAGE_ID", message_id(entry.event)
    yield "LOTOR_EVENT", entry.event
    for name, value in entry.fields.items():
        yield f"LOTOR_{name.upper()}", str(value)


def fields(values: Mapping[str, str]) -> bytes:
    """The journal's native protocol: a value with a line feed travels behind its length, so that it ends where it ends.
    A name that the journal would not take raises `ValueError`."""
    return b"".join(_field(name, value.encode(errors="replace")) for name, value in values.items())


def _field(name: str, value: bytes) -> bytes:
    if not FIELD.match(name):
        raise ValueError(f"{name} is no name of a field")
    if b"\n" not in value:
        return b"%s=%s\n" % (name.encode(), value)
    return b"%s\n%s%s\n" % (name.encode(), _LENGTH.pack(len(value)), value)
