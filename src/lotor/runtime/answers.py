"""Who answers which question of the core: one row a question, each answered exactly once even when its port raises."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Protocol

from lotor.ike import questions
from lotor.ike.questions import Answer, Question
from lotor.model.child import LOWEST_SPI
from lotor.model.configuration import ModeConfiguration
from lotor.model.judgement import Failure, Signature, Trusted, Untrusted
from lotor.model.login import Credentials, Declined, Refused, Verdict
from lotor.model.secret import Secret
from lotor.ports.auth import LoginBackend
from lotor.ports.dataplane import DataPlane
from lotor.ports.keys import Keys
from lotor.runtime.faults import trace

log = logging.getLogger(__name__)

LOGIN_SECONDS = 60.0
"""A back end that is silent for longer has refused."""


class Persons(Protocol):
    """Whoever can ask the person at this client."""

    async def ask(self, question: questions.AskPerson) -> Credentials | Declined: ...


class Configurations(Protocol):
    """Whoever knows what a gateway tells its clients."""

    def acquire(self, session: int, user: str) -> ModeConfiguration | Failure: ...


@dataclass(frozen=True, slots=True)
class Sources:
    """The ports behind the answers. `executor` runs what would hold the event loop up. `alive` says whether a session
    still is: what is given to one that has ended would never be taken back."""

    keys: Keys
    logins: LoginBackend
    persons: Persons
    configurations: Configurations
    dataplane: DataPlane
    executor: Executor
    alive: Callable[[int], bool]


@dataclass(frozen=True, slots=True)
class Row:
    """How one question is answered, and what it is worth when that fails."""

    ask: Callable[[Any], Awaitable[Answer]]
    otherwise: Callable[[Any, str], Answer]
    seconds: float | None = None


class Answers:
    """`reply` is what the driver calls; `use` changes the ports for questions to come."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._table: dict[type[Question[Any]], Row] = {
            questions.Sign: Row(self._sign, _failure),
            questions.JudgePeer: Row(self._judge, _untrusted),
            questions.DeriveSkeyid: Row(self._derive, _failure),
            questions.CheckLogin: Row(self._check, _refused, LOGIN_SECONDS),
            questions.AskPerson: Row(self._person, _declined),
            questions.AcquireConfiguration: Row(self._configuration, _failure),
            questions.ReserveSpi: Row(self._spi, _any_spi),
            questions.Install: Row(self._install, _failure),
            questions.Activate: Row(self._activate, _never),
            questions.LastInbound: Row(self._last_inbound, _never),
        }

    def use(self, sources: Sources) -> None:
        self._sources = sources

    async def reply(self, question: Question[object]) -> Answer:
        """The answer, or the row's substitute with the reason; never raises but for cancellation."""
        row = self._table[type(question)]
        try:
            async with asyncio.timeout(row.seconds):
                return await row.ask(question)
        except TimeoutError:
            why = f"no answer within {row.seconds} s" if row.seconds else "the system timed out"
        except OSError as error:
            why = error.strerror or str(error)
        except Exception as error:  # noqa: BLE001 - a port that breaks must not leave the core waiting
            why = f"internal error: {trace(error)}"
        log.error("%s failed: %s", type(question).__name__, why)
        return row.otherwise(question, why)

    async def _sign(self, question: questions.Sign) -> Signature | Failure:
        answer: Signature | Failure = await self._off_loop(self._sources.keys.sign, question.remote, question.octets)
        return answer

    async def _judge(self, question: questions.JudgePeer) -> Trusted | Untrusted:
        answer: Trusted | Untrusted = await self._off_loop(self._sources.keys.judge, question.proof)
        return answer

    async def _derive(self, question: questions.DeriveSkeyid) -> Secret | Failure:
        answer: Secret | Failure = await self._off_loop(self._sources.keys.derive_skeyid, question.request)
        return answer

    async def _check(self, question: questions.CheckLogin) -> Verdict:
        return await self._sources.logins.judge(question.attempt)

    async def _person(self, question: questions.AskPerson) -> Credentials | Declined:
        return await self._sources.persons.ask(question)

    async def _configuration(self, question: questions.AcquireConfiguration) -> ModeConfiguration | Failure:
        if not self._sources.alive(question.session):
            return Failure("the session has ended")
        return self._sources.configurations.acquire(question.session, question.user)

    async def _spi(self, question: questions.ReserveSpi) -> int:
        del question
        return self._sources.dataplane.reserve_spi()

    async def _install(self, question: questions.Install) -> Failure | None:
        if not self._sources.alive(question.child.session):
            return Failure("the session has ended")
        self._sources.dataplane.install(question.child)
        return None

    async def _activate(self, question: questions.Activate) -> None:
        self._sources.dataplane.activate(question.child)

    async def _last_inbound(self, question: questions.LastInbound) -> float | None:
        found = [self._sources.dataplane.counters(child) for child in question.children]
        return max((each.last_inbound for each in found if each and each.last_inbound is not None), default=None)

    async def _off_loop(self, function: Callable[..., Any], *arguments: object) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._sources.executor, function, *arguments)


def _failure(question: Question[Any], why: str) -> Failure:
    del question
    return Failure(why)


def _untrusted(question: questions.JudgePeer, why: str) -> Untrusted:
    del question
    return Untrusted(f"the certificate could not be checked: {why}")


def _refused(question: questions.CheckLogin, why: str) -> Refused:
    return Refused(question.attempt.user, why)


def _declined(question: questions.AskPerson, why: str) -> Declined:
    del question
    return Declined(f"the person could not be asked: {why}")


def _any_spi(question: questions.ReserveSpi, why: str) -> int:
    """A random one: the engine that could not reserve refuses to install, and that is told to the peer properly."""
    del question, why
    return LOWEST_SPI + secrets.randbelow(2**32 - LOWEST_SPI)


def _never(question: Question[Any], why: str) -> None:
    del question, why
