"""What a check found: how grave it is, in a sentence, with the commands that mend it."""

from __future__ import annotations

from enum import Enum

from lotor.model.frozen import frozen


class Grade(Enum):
    """`UNKNOWN`: nobody could look, and the finding says why."""

    OK = "ok"
    WARN = "warn"
    WRONG = "wrong"
    UNKNOWN = "?"


@frozen
class Finding:
    """`mends`: commands for a shell, in their order; where no command helps, what is to be written where."""

    grade: Grade
    text: str
    mends: tuple[str, ...] = ()


def ok(text: str) -> Finding:
    return Finding(Grade.OK, text)


def warn(text: str, *mends: str) -> Finding:
    return Finding(Grade.WARN, text, mends)


def wrong(text: str, *mends: str) -> Finding:
    return Finding(Grade.WRONG, text, mends)


def unknown(text: str, *mends: str) -> Finding:
    return Finding(Grade.UNKNOWN, text, mends)
