"""The verbs of the two processes themselves: a daemon is ready, or could not start; what its warden is and may do."""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass

from lotor.model.text import clean
from lotor.privsep.codec import Malformed, encode
from lotor.privsep.frames import Ended, Frame, Kind, receive, send
from lotor.privsep.verb import Verb

LONGEST_FAILURE = 8_192
"""Octets. Everything that is wrong with a configuration may be longer: the warden tells that itself."""


@dataclass(frozen=True, slots=True)
class StartFailure:
    """Why a daemon does not start: what a person reads, what may help, and the exit code of the program."""

    text: str
    fix: str
    code: int

    def __post_init__(self) -> None:
        if not 1 <= self.code <= 255:
            raise ValueError(f"{self.code} is no exit code of a failure")


@dataclass(frozen=True, slots=True)
class About:
    """`capabilities` by name, as capabilities(7) has them, without CAP_. `gains`: programs that this process starts may
    gain rights."""

    pid: int
    user: str
    capabilities: tuple[str, ...]
    gains: bool


READY: Verb[None, None] = Verb(
    number=50,
    name="be ready",
    request=type(None),
    answer=type(None),
    most_request=0,
    most_answer=0,
)
FAILED: Verb[StartFailure, None] = Verb(
    number=51,
    name="fail to start",
    request=StartFailure,
    answer=type(None),
    most_request=LONGEST_FAILURE,
    most_answer=0,
)
ABOUT: Verb[None, About] = Verb(
    number=52,
    name="tell about the warden",
    request=type(None),
    answer=About,
    most_request=0,
    most_answer=4_096,  # 64 capabilities with names of at most 32 octets, and one of a user
)


def tell_failure(end: socket.socket, failure: StartFailure, patience: float = 2.0) -> None:
    """Said by a daemon that has no event loop, on its `end` of the line: returns when the warden has heard it, or
    after so many seconds."""
    room = LONGEST_FAILURE // 4
    text, fix = clean(failure.text, lines=True, longest=room), clean(failure.fix, longest=room // 4)
    end.settimeout(patience)
    with contextlib.suppress(OSError, Ended, Malformed):
        send(end, Frame(Kind.REQUEST, FAILED.number, 0, encode(StartFailure, StartFailure(text, fix, failure.code))))
        receive(end).close()
