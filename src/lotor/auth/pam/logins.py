"""`auth_source pam`: logins that the modules of a PAM service judge, in as many rounds as they have questions."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from lotor.auth.beat import Beat
from lotor.auth.checks import NotJudgedError
from lotor.auth.groups import everybody
from lotor.auth.line import FairLine
from lotor.auth.pam import process as inside
from lotor.auth.pam.modules import TERMINAL, BrokenError, Done, Modules
from lotor.auth.pam.places import Places
from lotor.auth.pam.process import LOGIN, packed
from lotor.auth.pam.verdicts import refusal, said, user_of
from lotor.auth.passwords import LONGEST_USER, given_password
from lotor.auth.workers import BusyError, turn_of
from lotor.config.pam import missing
from lotor.model.grants import Grants
from lotor.model.login import Accepted, Challenge, LoginAttempt, Refused, Verdict, unable
from lotor.model.prompt import Field
from lotor.model.reasons.logins import AnswerLate, BackEndFault, LoginReason, WrongPassword

IN_MODULES = 45.0
"""Seconds from an answer to the next word of the modules: less than a login may take altogether, so that the log says
who did not answer."""
FOR_PERSON = 180.0
"""Seconds that a process waits for a person whose session nobody reported as ended."""
TICKET = 16
"""Octets by chance: a conversation cannot be guessed."""

WANTS = {inside.SEEN: Field.ANSWER, inside.HIDDEN: Field.PASSCODE}


@dataclass(frozen=True, slots=True, eq=False)
class _Talk:
    """A conversation: its process, who it is for, and what ends it where nobody answers."""

    modules: Modules
    user: str
    source: Hashable
    wants: list[Field] = field(default_factory=list)
    timers: list[asyncio.TimerHandle] = field(default_factory=list)

    def end(self) -> None:
        for timer in self.timers:
            timer.cancel()
        self.modules.kill()


class PamLogins:
    """Implements `ports.auth.LoginBackend`. `member` says why a user with the right password may not log in. Each login
    has a process of its own; a password is never remembered: modules do more than to check it.

    A refusal and a further question are both told on the beat, so that nobody learns from their time which user there
    is."""

    def __init__(
        self,
        service: str,
        member: Callable[[str], LoginReason | None] = everybody,
        beat: Beat | None = None,
        places: Places | None = None,
        start: Callable[[Callable[[], None]], Modules] = Modules,
    ) -> None:
        self._service = service
        self._member = member
        self._beat = beat or Beat()
        self._places = places or Places()
        self._start = start
        self._open: dict[bytes, _Talk] = {}
        self._sources: FairLine[bytes] = FairLine()

    def take_over(self, former: PamLogins) -> None:
        """A reload: there are no more processes than before."""
        self._places, self._open, self._sources = former._places, former._open, former._sources

    async def judge(self, attempt: LoginAttempt) -> Verdict:
        if (objection := unable(attempt, "pam")) is not None:
            return objection
        began = self._beat.now()
        verdict = await (self._further(attempt) if attempt.conversation else self._first(attempt))
        try:
            if isinstance(verdict, Challenge) or (isinstance(verdict, Refused) and verdict.judged):
                await self._beat.next(began)
        except BaseException:
            if isinstance(verdict, Challenge):
                await self.abandon(verdict.conversation)
            raise
        return verdict

    async def abandon(self, conversation: bytes) -> None:
        if (talk := self._taken(conversation)) is not None:
            talk.end()

    async def _first(self, attempt: LoginAttempt) -> Verdict:
        user, (password, usable) = attempt.user, given_password(attempt)
        if not usable or not 0 < len(user.encode()) <= LONGEST_USER or "\0" in user:
            return Refused(WrongPassword(user))
        if lacking := await asyncio.to_thread(missing, self._service):
            return Refused(BackEndFault(user, lacking))
        turn = turn_of(attempt)
        try:
            await self._places.take(turn, self._make_way)
        except BusyError as fault:
            return Refused(fault.reason(user))
        try:
            modules = self._start(self._places.give_back)
        except OSError as error:
            self._places.give_back()
            return Refused(BackEndFault(user, f"no process for PAM could be started ({error.strerror})"))
        source = str(attempt.source.address)
        request = (LOGIN, self._service.encode(), user.encode(), password.reveal(), source.encode(), TERMINAL.encode())
        return await self._go_on(_Talk(modules, user, turn.source), packed(*request))

    async def _further(self, attempt: LoginAttempt) -> Verdict:
        """The next round. A client may name the answer otherwise than it was asked."""
        talk = self._taken(attempt.conversation)
        if talk is None:
            return Refused(AnswerLate(attempt.user))
        for timer in talk.timers:
            timer.cancel()
        answers = dict(attempt.answers)
        asked = next((each for each in (*talk.wants, *WANTS.values(), Field.PASSWORD) if each in answers), None)
        answer = answers[asked].reveal() if asked is not None else b""
        return await self._go_on(_Talk(talk.modules, talk.user, talk.source), packed(answer))

    async def _go_on(self, talk: _Talk, message: bytes) -> Verdict:
        try:
            word, *parts = await talk.modules.exchange(message, IN_MODULES)
            if word == inside.ASK:
                seen, prompt, before = parts
                return self._asked(talk, seen, prompt, before)
            verdict = Done.of([word, *parts])
        except (BrokenError, ValueError) as fault:
            talk.end()
            text = fault if isinstance(fault, BrokenError) else "ended with words that nobody understands"
            return Refused(BackEndFault(talk.user, f"the process of PAM service {self._service} {text}"))
        except BaseException:
            talk.end()
            raise
        talk.end()
        return await self._told(talk.user, verdict)

    def _asked(self, talk: _Talk, seen: bytes, prompt: bytes, before: bytes) -> Challenge:
        talk.wants.append(WANTS[inside.SEEN if seen == inside.SEEN else inside.HIDDEN])
        ticket = secrets.token_bytes(TICKET)
        self._open[ticket] = talk
        self._sources.add(talk.source, ticket)
        talk.timers.append(asyncio.get_running_loop().call_later(FOR_PERSON, self._late, ticket))
        if (source := self._places.next_source) is not None:  # the place that was made for it may have gone to this one
            self._make_way(source)
        return Challenge(said(before, prompt), tuple(talk.wants), ticket)

    async def _told(self, user: str, verdict: Done) -> Verdict:
        if verdict.step != inside.PROVED or verdict.code:
            return Refused(refusal(user, self._service, verdict))
        name = user_of(verdict)
        if name is None:
            return Refused(BackEndFault(user, f"PAM service {self._service} left no name that can be used"))
        try:
            objection = await asyncio.to_thread(self._member, name)
        except NotJudgedError as fault:
            return Refused(fault.reason.but(user=user))
        return Refused(objection) if objection is not None else Accepted(name, Grants(message=said(verdict.said)))

    def _taken(self, ticket: bytes) -> _Talk | None:
        talk = self._open.pop(ticket, None)
        if talk is not None:
            self._sources.remove(talk.source, ticket)
        return talk

    def _late(self, ticket: bytes) -> None:
        if (talk := self._taken(ticket)) is not None:
            talk.end()

    def _make_way(self, source: Hashable) -> None:
        """All places are taken: the newest of the source with the most people who are still typing goes, for one from a
        source that has fewer."""
        if (crowd := self._sources.crowd()) is not None:
            most, newest = crowd
            if self._sources.waiting(most) > self._sources.waiting(source) + 1:
                self._late(newest)
