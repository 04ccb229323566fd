"""RADIUS and LDAP in a process of their own: started when the configuration wants it, asked over its own line.

While there is no such process every login is refused at once, as not judged. Its line has two parts: on one it tells
that it lives, as a daemon does; on the other one the warden asks.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from lotor.config.back_ends import BackEndSettings, back_ends_of
from lotor.config.settings import Radius, Settings
from lotor.model import login
from lotor.model.back_end import BackEnd
from lotor.model.login import Challenge, LoginAttempt, Verdict
from lotor.model.member import Member
from lotor.model.reasons.local import BackEndsSilent
from lotor.model.reasons.logins import BackEndFault
from lotor.ports.accounting import Record
from lotor.ports.demands import Demand, Settled
from lotor.ports.fleet import Fleet
from lotor.privsep import asking
from lotor.privsep.asking import Asker
from lotor.privsep.backing import (
    ABANDON_ROUND,
    ACCOUNT,
    CHECK,
    CONFIGURE,
    GROUPS,
    Abandoned,
    Confined,
    Round,
    Serving,
)
from lotor.privsep.complaints import Complaints
from lotor.privsep.demanding import DEMANDS, SETTLE
from lotor.privsep.far_fleet import FarFleet
from lotor.privsep.faults import Fault
from lotor.privsep.frames import Ended, pair, refuse_descriptors
from lotor.privsep.living import Given, Lent
from lotor.privsep.logging_in import MOST_LOGINS
from lotor.privsep.serving import Handler
from lotor.privsep.verb import Verb
from lotor.warden.child import Role
from lotor.warden.giving import giving
from lotor.warden.judging import no_groups, objection
from lotor.warden.spawning import Program
from lotor.warden.supervise import Care, StartFailed, Supervisor

log = logging.getLogger(__name__)

Request = TypeVar("Request")
Answer = TypeVar("Answer")

ROLE = Role("process of back ends", BackEndsSilent, 15.0)
"""Nothing in it takes long but waiting: it is given up sooner than a daemon."""
LONGEST_TAKING = 15.0
"""Seconds in which a process that serves takes other settings: it waits for nobody."""
LONGEST_ABANDON = 2.0
"""Seconds until nobody waits any more for a conversation to be given up: it ends by itself."""
AWAY = "the process that speaks to login servers is not up now: it is started again"
MOST_OPEN = MOST_LOGINS
"""Conversations that wait for their next round; the oldest gives way to another one."""


@dataclass(frozen=True, slots=True)
class Start:
    """How the process is started: `given` says what it hears first, for the settings that it is started with; `log` is
    the descriptor of a log file for it."""

    program: Program
    given: Callable[[BackEndSettings], Given]
    log: int | None = None
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep


class FarBackEnds:
    """Implements `warden.back_ends.LedBackEnds`."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._settings: BackEndSettings | None = None
        self._heard = asyncio.Event()
        self._supervisor: Supervisor | None = None
        self._line: _Line | None = None
        self._conversations: OrderedDict[bytes, tuple[BackEnd, bytes]] = OrderedDict()
        self._complaints = Complaints(log)
        self._begun = 0
        self._fleet = FarFleet(self._ask)

    @property
    def _wanted(self) -> BackEndSettings | None:
        return self._settings

    @_wanted.setter
    def _wanted(self, wanted: BackEndSettings | None) -> None:
        """Where servers may demand something, they are listened to."""
        self._settings = wanted
        heard = wanted is not None and wanted.radius is not None and wanted.radius.dynamic_clients
        (self._heard.set if heard else self._heard.clear)()

    async def use(self, settings: Settings, member: Member | None = None, owed: Radius | None = None) -> None:
        former, wanted = self._wanted, back_ends_of(settings, member, owed)
        if wanted is None:
            await self.stop()
        elif former is None:
            await self._begin(wanted)
        else:
            await self._replace(wanted)

    async def stop(self) -> None:
        supervisor, self._supervisor, self._wanted = self._supervisor, None, None
        if supervisor is not None:
            await supervisor.stop()
            self._start.program.close()

    def serving(self) -> Serving | None:
        if self._wanted is None:
            return None
        line = self._line
        confined, since = (line.confined, line.since) if line is not None else (None, time.monotonic())
        return Serving(confined, self._wanted.serves, time.monotonic() - since, max(0, self._begun - 1))

    @property
    def fleet(self) -> Fleet | None:
        return self._fleet if self._wanted is not None and self._wanted.fleet is not None else None

    async def judge(self, which: BackEnd, attempt: LoginAttempt) -> Verdict:
        """A round that nobody waits for any more leaves its conversation open: it is abandoned later."""
        _, theirs = self._conversations.get(attempt.conversation, (which, b""))
        if attempt.conversation and not theirs:
            return _unjudged(attempt, "the process that had begun this login has ended")
        asked = Round(which, _plain(attempt, theirs))
        try:
            verdict = await self._ask(CHECK, asked)
            self._conversations.pop(attempt.conversation, None)
        except OSError as error:
            return _unjudged(attempt, error.strerror or str(error))
        except ValueError:
            return _unjudged(attempt, "its name or its answers are longer than any")
        if wrong := objection(attempt, verdict):
            return _unjudged(attempt, self._lie(wrong))
        return await self._opened(which, verdict) if isinstance(verdict, Challenge) else verdict

    async def abandon(self, which: BackEnd, conversation: bytes) -> None:
        del which  # it is the one that began the conversation
        if (begun := self._conversations.pop(conversation, None)) is not None:
            with contextlib.suppress(OSError):  # a TimeoutError is one
                async with asyncio.timeout(LONGEST_ABANDON):
                    await self._ask(ABANDON_ROUND, Abandoned(*begun))

    async def account(self, record: Record) -> None:
        _demand(await self._ask(ACCOUNT, record))

    async def groups(self, user: str) -> frozenset[str]:
        groups = _demand(await self._ask(GROUPS, user))
        if wrong := no_groups(groups):
            raise OSError(errno.EPROTO, self._lie(wrong))
        return groups

    async def demanded(self) -> tuple[Demand, ...]:
        await self._heard.wait()
        return await self._ask(DEMANDS, None)

    async def settle(self, settled: Settled) -> None:
        await self._ask(SETTLE, settled)

    def _lie(self, wrong: str) -> str:
        """What is told of one, which the log has, too."""
        self._complaints.tell("the process of back ends answered what it may not: %s", wrong)
        return f"the process of back ends answered what it may not: {wrong}"

    async def _opened(self, which: BackEnd, challenge: Challenge) -> Challenge:
        """Under a name of the warden's own: nobody else's conversation has it, whatever the process says."""
        ticket = secrets.token_bytes(16)
        self._conversations[ticket] = which, challenge.conversation
        if len(self._conversations) > MOST_OPEN:
            oldest = next(iter(self._conversations))
            await self.abandon(which, oldest)
        return replace(challenge, conversation=ticket)

    async def _ask(self, verb: Verb[Request, Answer], request: Request) -> Answer:
        """Raises `OSError` where there is no answer, and `ValueError` as `Asker.ask`."""
        line = self._line
        if line is None or line.confined is None:
            raise OSError(errno.ENOTCONN, AWAY)
        return await line.ask(verb, request)

    async def _begin(self, wanted: BackEndSettings) -> None:
        """Raises `OSError` where it does not start."""
        self._wanted = wanted
        self._supervisor = Supervisor(self._start.program, Care(self._rows, self._let_go, role=ROLE), self._start.pause)
        try:
            await self._supervisor.start()
        except BaseException as error:
            self._supervisor, self._wanted = None, None
            await self._let_go()
            if isinstance(error, StartFailed):
                raise OSError(errno.EIO, error.text) from error
            raise
        if self._line is not None:
            await self._line.settled()

    async def _replace(self, wanted: BackEndSettings) -> None:
        """While there is no process the next one begins with these; one that starts has what was wanted before. Raises
        `OSError`."""
        former, self._wanted, line = self._wanted, wanted, self._line
        if line is None:
            return
        try:
            await line.settled()
            if line.confined is not None:
                await line.reconfigure(wanted)
        except BaseException:
            self._wanted = former
            raise

    def _rows(self) -> Mapping[int, Handler]:
        """For one process, which is told its settings as soon as it can hear."""
        wanted = self._wanted
        if wanted is None:
            raise OSError(errno.ENOTCONN, "no back ends are wanted any more")
        if self._line is not None:  # no process came of the last one
            self._line.close()
        line = self._line = _Line(self._lost)
        line.begin(wanted)
        self._begun += 1
        return giving(self._start.given(wanted), Lent(log=self._start.log, asked=line.theirs.fileno()))

    def _lost(self, why: str) -> None:
        if self._supervisor is not None:
            self._supervisor.lose(why)

    async def _let_go(self) -> None:
        """Of a process that has ended: nothing that it began goes on."""
        line, self._line = self._line, None
        self._conversations.clear()
        if line is not None:
            line.close()


class _Line:
    """On which the warden asks one process. `confined` is None until that has its settings."""

    def __init__(self, lost: Callable[[str], None]) -> None:
        self._lost = lost
        self._ours, self.theirs = pair()
        refuse_descriptors(self._ours)
        self._asker = Asker(self._ours, lost, ROLE.name)
        self._first: asyncio.Task[None] | None = None
        self.confined: Confined | None = None
        self.since = time.monotonic()

    def begin(self, settings: BackEndSettings) -> None:
        self._first = asyncio.get_running_loop().create_task(self._begin(settings))

    async def settled(self) -> None:
        """What the process says on its two lines comes in any order: its first settings are taken or refused."""
        if self._first is not None:
            await asyncio.wait({self._first})

    async def _begin(self, settings: BackEndSettings) -> None:
        """What it cannot begin with the process says itself, as it ends."""
        with contextlib.suppress(OSError):
            await self.configure(settings)

    async def configure(self, settings: BackEndSettings) -> None:
        """Raises `OSError`, and the process has what it had before."""
        try:
            confined = _demand(await self.ask(CONFIGURE, settings))
        except ValueError as error:
            raise OSError(errno.E2BIG, f"the settings of back ends are too long: {error}") from error
        self.confined = confined
        self.theirs.close()  # it has a copy, whose end is the end of this line

    async def reconfigure(self, settings: BackEndSettings) -> None:
        """Raises `OSError`; the process is ended where it does not answer at all."""
        try:
            async with asyncio.timeout(LONGEST_TAKING):
                await self.configure(settings)
        except TimeoutError:
            why = f"the {ROLE.name} took no settings within {LONGEST_TAKING:g} seconds"
            self._lost(why)
            raise OSError(errno.ETIMEDOUT, why) from None

    async def ask(self, verb: Verb[Request, Answer], request: Request) -> Answer:
        try:
            return (await self._asker.ask(verb, request)).value
        except asking.Refused as refused:
            raise OSError(errno.EPROTO, f"{refused}: its log says why") from refused
        except Ended as ended:
            raise OSError(errno.EPIPE, AWAY) from ended

    def close(self) -> None:
        if self._first is not None:
            self._first.cancel()
        self._asker.close()
        for end in (self._ours, self.theirs):
            end.close()


def _demand(value: Answer | Fault) -> Answer:
    if isinstance(value, Fault):
        raise OSError(value.number, value.sentence)
    return value


def _plain(attempt: LoginAttempt, conversation: bytes) -> LoginAttempt:
    """Of an answer that is given twice the last counts."""
    return replace(attempt, answers=tuple(dict(attempt.answers).items()), conversation=conversation)


def _unjudged(attempt: LoginAttempt, why: str) -> login.Refused:
    return login.Refused(BackEndFault(attempt.user, why))
