"""What a person asked of a client and the core has not answered yet: which session it became, how it came out."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

from lotor.ike.events import ChildUp, Chosen, Configured, Ended, Event, LoginRound, PhaseOneUp, Reached, Started
from lotor.model.frozen import frozen
from lotor.model.prompt import Field
from lotor.model.reason import Reason
from lotor.model.secret import Secret
from lotor.model.ticket import Resumption


class Prompter(Protocol):
    """A person at a terminal. None: nothing was given (no terminal, Ctrl-C)."""

    async def prompt(self, wants: tuple[Field, ...], message: str) -> dict[Field, Secret] | None: ...

    async def tell(self, text: str) -> None:
        """Something to know while waiting."""
        ...


@frozen
class ConnectRequest:
    """What came with a `vc`: answers given ahead, and whom to ask for more. `resumption`: a ticket, which is tried
    first."""

    given: dict[Field, Secret] = field(default_factory=dict)
    prompter: Prompter | None = None
    resumption: Resumption | None = None


@frozen
class Established:
    """The tunnel is up and the host is set up for it."""

    session: int


Outcome = Established | Reason


@dataclass(slots=True)
class Progress:
    """What came of a request so far. `heard`: any answer, from the gateway or from anybody else; `met`: the peer proved
    that it is there; `going`: something followed phase 1; `reached`: the gateway's messages arrive over the ports of
    NAT traversal."""

    heard: bool = False
    met: bool = False
    going: bool = False
    reached: bool = False


class Requests:
    """Numbers for `Connect` intents; each ends in exactly one outcome."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._waiting: dict[int, ConnectRequest] = {}
        self._progress: dict[int, Progress] = {}
        self._outcomes: dict[int, asyncio.Future[Outcome]] = {}
        self._sessions: dict[int, int] = {}

    def new(self, request: ConnectRequest) -> int:
        number = next(self._numbers)
        self._waiting[number], self._progress[number] = request, Progress()
        self._outcomes[number] = asyncio.get_running_loop().create_future()
        return number

    async def outcome(self, number: int) -> Outcome:
        """Waits; a cancelled waiter cancels nobody else's outcome."""
        return await asyncio.shield(self._outcomes[number])

    def forget(self, number: int) -> None:
        """The person is gone; the session, if there is one, stays."""
        self._waiting.pop(number, None)
        self._outcomes.pop(number, None)
        self._progress.pop(number, None)

    def progress(self, number: int) -> Progress:
        """How far a request has come; of one that is forgotten nothing is known."""
        return self._progress.get(number, Progress())

    def session(self, number: int) -> int | None:
        """The session of a request, None when none began or it has ended."""
        return next((session for session, request in self._sessions.items() if request == number), None)

    def request(self, session: int) -> ConnectRequest | None:
        return self._waiting.get(self._sessions.get(session, 0))

    def follow(self, event: Event) -> None:
        match event:
            case Started(session=session, request=int(request)):
                self._sessions[session] = request
            case Chosen(session=session):
                self._of(session).heard = True
            case PhaseOneUp(session=session):
                self._of(session).met = True
            case Reached(session=session):
                self._of(session).reached = True
            case LoginRound(session=session) | Configured(session=session) | ChildUp(session=session):
                self._of(session).going = True
            case Ended(session=session, reason=reason):
                self._settle(session, reason)
                self._sessions.pop(session, None)

    def _of(self, session: int) -> Progress:
        return self.progress(self._sessions.get(session, 0))

    def ready(self, session: int) -> None:
        """The follower's report: the tunnel is up and the host is set up."""
        self._settle(session, Established(session))

    def fail(self, number: int, reason: Reason) -> None:
        """The core did not even begin."""
        self._conclude(number, reason)

    def _settle(self, session: int, outcome: Outcome) -> None:
        self._conclude(self._sessions.get(session, 0), outcome)

    def _conclude(self, number: int, outcome: Outcome) -> None:
        waiting = self._outcomes.get(number)
        if waiting is not None and not waiting.done():
            waiting.set_result(outcome)
