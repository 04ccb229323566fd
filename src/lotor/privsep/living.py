"""The verbs of the two processes themselves: a daemon is ready, or could not start; what its warden is and may do."""

from __future__ import annotations

import contextlib
import socket

from lotor.model.frozen import frozen
from lotor.model.text import clean
from lotor.privsep.codec import Malformed, decode, encode
from lotor.privsep.frames import Ended, Frame, Kind, receive, send
from lotor.privsep.verb import Verb

BEAT = 5.0
"""Seconds between two signs of life of a daemon."""
LONGEST_FAILURE = 8_192
"""Octets. Everything that is wrong with a configuration may be longer: the warden tells that itself."""


@frozen
class StartFailure:
    """Why a daemon does not start: what a person reads, what may help, and the exit code of the program."""

    text: str
    fix: str
    code: int

    def __post_init__(self) -> None:
        if not 1 <= self.code <= 255:
            raise ValueError(f"{self.code} is no exit code of a failure")


@frozen
class About:
    """`capabilities` by name, as capabilities(7) has them, without CAP_. `gains`: programs that this process starts may
    gain rights. `seconds`: how long it has run; `restarts`: how many daemons there were before this one. `session_ids`:
    how the ids of the daemon's sessions begin, as those of no other daemon do."""

    pid: int
    user: str
    capabilities: tuple[str, ...]
    gains: bool
    seconds: float = 0.0
    restarts: int = 0
    session_ids: str = ""


@frozen
class Given:
    """What a daemon is told before it gives up anything. `name` of the configuration file; `identity` as the warden's
    `Identity.word` has it; `syslog`: where the log goes without a file; `level` as the `log` directive names it, and
    `form` as `log_format` does; `debug` and `json`: that the command line has it so, whatever the configuration says;
    `capture` is the name of the file of packets. Beside it come, where `log`, `control` and `capture` say so, the
    descriptors of the log, of the administrator's socket, and two of a capture: of packets, and of keys; behind them
    that of the file of a gateway's last peers (`peers`). `caller`: the last one is a connection like those to the
    administrator's socket, of a person whose settings no file says. `asked`: the last one is the end of a line on which
    the warden asks and this process answers."""

    name: str
    identity: str
    log: bool
    control: bool
    syslog: bool
    level: str
    debug: bool
    form: str
    json: bool
    capture: str | None
    caller: bool = False
    peers: bool = False
    asked: bool = False


@frozen
class Lent:
    """Descriptors beside `Given`, which each daemon gets; None for what there is not. `capture`: of packets, and
    of the keys of either version; `peers`: of the file of a gateway's last peers; `asked`: of the line on which the
    warden asks."""

    log: int | None = None
    control: int | None = None
    capture: tuple[int, int, int] | None = None
    caller: int | None = None
    peers: int | None = None
    asked: int | None = None

    @property
    def all(self) -> tuple[int, ...]:
        found = (self.log, self.control, *(self.capture or ()), self.peers, self.caller, self.asked)
        return tuple(each for each in found if each is not None)

    @classmethod
    def of(cls, given: Given, descriptors: tuple[int, ...]) -> Lent:
        """What came with `given`. `Malformed` where that says something else."""
        single = (given.log, given.control, given.peers, given.caller, given.asked)
        if len(descriptors) != sum(single) + 3 * (given.capture is not None):
            raise Malformed(f"{len(descriptors)} descriptors came")
        left = list(descriptors)
        asked, caller, peers = (left.pop() if each else None for each in (given.asked, given.caller, given.peers))
        log, control = (left.pop(0) if each else None for each in (given.log, given.control))
        return cls(log, control, (left[0], left[1], left[2]) if left else None, caller, peers, asked)


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
GIVEN: Verb[None, Given] = Verb(
    number=53,
    name="tell the daemon what it is to do",
    request=type(None),
    answer=Given,
    most_request=0,
    most_answer=16_384,  # two names of files, which have at most 4,096 octets each
    descriptors=7,
    most_asked=1,
)


LIVES: Verb[None, None] = Verb(
    number=54,
    name="show that it lives",
    request=type(None),
    answer=type(None),
    most_request=0,
    most_answer=0,
    most_asked=1,
)


def ask_given(end: socket.socket) -> tuple[Given, Lent]:
    """Asked by a daemon that has no event loop, on its `end` of the line: waits until the warden has read its
    configuration. The descriptors belong to whoever asked. Raises `Ended` where the warden does not serve, and
    `Malformed`."""
    end.setblocking(True)
    send(end, Frame(Kind.REQUEST, GIVEN.number, 0))
    answer = receive(end)
    end.setblocking(False)
    if answer.kind is not Kind.ANSWER:
        raise Ended
    given: Given = decode(Given, answer.body)
    return given, Lent.of(given, answer.descriptors)


def tell_failure(end: socket.socket, failure: StartFailure, patience: float = 2.0) -> None:
    """Said by a daemon that has no event loop, on its `end` of the line: returns when the warden has heard it, or
    after so many seconds."""
    room = LONGEST_FAILURE // 4
    text, fix = clean(failure.text, lines=True, longest=room), clean(failure.fix, longest=room // 4)
    end.settimeout(patience)
    with contextlib.suppress(OSError, Ended, Malformed):
        send(end, Frame(Kind.REQUEST, FAILED.number, 0, encode(StartFailure, StartFailure(text, fix, failure.code))))
        receive(end).close()
