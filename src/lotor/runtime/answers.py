"""Who answers which question of the core: one row a question, each answered exactly once even when its port raises."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, Protocol

from lotor.crypto.groups import QUICK
from lotor.ike import questions
from lotor.ike.questions import Answer, Question
from lotor.model.begun import Over, begin
from lotor.model.child import LOWEST_SPI
from lotor.model.configuration import ModeConfiguration
from lotor.model.eap import EapRefused, EapVerdict, MschapVerdict, eap_verdict, login_of, mschap_verdict
from lotor.model.frozen import frozen
from lotor.model.grants import Grants
from lotor.model.judgement import Failure, Feigned, MixedKeys, Signature, Trusted, Untrusted
from lotor.model.login import LOGIN_SECONDS, Credentials, Declined, LoginAttempt, Refused, Verdict
from lotor.model.network import Path
from lotor.model.reasons.certificates import NotChecked
from lotor.model.reasons.local import EngineFault, HostUnfit, NotResolved, PoolFault, SessionOver
from lotor.model.reasons.logins import BackEndFault, PersonNotAsked
from lotor.model.secret import Secret
from lotor.model.ticket import Opened, Sealing, Ticket
from lotor.model.tls import TlsProgress
from lotor.ports.host import Attachment, Host
from lotor.ports.interface import TunnelInterface
from lotor.ports.signer import Signer
from lotor.ports.tickets import Tickets
from lotor.ports.trust import Trust
from lotor.runtime.associations import Associations
from lotor.runtime.faults import trace

log = logging.getLogger(__name__)

LEASE_SECONDS = 10.0
"""For a pool that may be another host's."""
STEP_SECONDS = 30.0
"""For a step of TLS, which may stand in line and wait for a signature."""
TICKET_SECONDS = 10.0
"""For a ticket that stands in line behind others."""
NAME_SECONDS = 10.0
"""For looking up the name of another gateway."""
HOST_SECONDS = 10.0
"""For looking at the addresses and routes of this host."""


class Persons(Protocol):
    """Asks the person at this client."""

    async def ask(self, question: questions.AskPerson) -> Credentials | Declined: ...


class Logins(Protocol):
    """Judges logins, and knows which of them are under way."""

    async def judge(self, session: int, attempt: LoginAttempt, continues: int | None = None) -> Verdict: ...

    def account(self, session: int) -> str:
        """The id of the account of a session."""
        ...


class Wallet(Protocol):
    """Keeps what brings a client back without its login."""

    async def keep(self, asked: questions.KeepTicket) -> None: ...


class TlsSteps(Protocol):
    """Holds the TLS connections inside of EAP."""

    async def step(self, asked: questions.StepTls) -> TlsProgress | Failure: ...


class Configurations(Protocol):
    """Knows what a gateway tells its clients."""

    async def acquire(self, session: int, user: str, grants: Grants) -> ModeConfiguration | Failure: ...


def _nobody(session: int) -> int:
    del session
    return 0


async def _nowhere(gateway: str, port: int) -> Path:
    raise OSError(None, f"no way is known to {gateway}, UDP port {port}")


@frozen
class Sources:
    """The ports behind the answers. `executor` runs sums that would hold the event loop up. `alive` says whether a
    session still is: what is given to one that has ended would never be taken back. `follows`: the session that ended
    and whose place on the host another one takes, 0 for none. `ways`: to another gateway, by name or address, and its
    port."""

    signer: Signer
    trust: Trust
    logins: Logins
    persons: Persons
    configurations: Configurations
    associations: Associations
    interface: TunnelInterface
    host: Host
    tls: TlsSteps
    tickets: Tickets
    wallet: Wallet
    executor: Executor
    alive: Callable[[int], bool]
    follows: Callable[[int], int] = _nobody
    ways: Callable[[str, int], Awaitable[Path]] = _nowhere


@frozen
class Answered:
    """An answer that was at hand."""

    answer: Answer


Reply = Answered | Coroutine[Any, Any, Answer]


@frozen
class Row:
    """How one question is answered, and what it is worth when that fails: `at_once` where the port does not wait
    (`waits`: for the questions with which it does), else `ask`, for at most `seconds`. `soon`: as a rule that has not
    to wait either, and needs no task before it does (`model/begun`)."""

    otherwise: Callable[[Any, str], Answer]
    at_once: Callable[[Any], Answer] | None = None
    ask: Callable[[Any], Awaitable[Answer]] | None = None
    seconds: float | None = None
    waits: Callable[[Any], bool] = lambda _: False
    soon: bool = False


class Answers:
    """`reply` is what the driver calls."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._table: dict[type[Question[Any]], Row] = {
            questions.Sign: Row(_failure, ask=self._sign),
            questions.JudgePeer: Row(_untrusted, ask=self._judge),
            questions.DeriveSkeyid: Row(_failure, ask=self._derive),
            questions.SignAuth: Row(_failure, ask=self._sign_auth),
            questions.KeyedAuth: Row(_failure, ask=self._keyed),
            questions.MixPpk: Row(_failure, ask=self._mix),
            questions.Agree: Row(_failure, _agreed, self._agree, waits=lambda asked: asked.dh.group not in QUICK),
            questions.CheckLogin: Row(_refused, ask=self._check, seconds=LOGIN_SECONDS),
            questions.CheckMschap: Row(_refused, ask=self._check_mschap, seconds=LOGIN_SECONDS),
            questions.RelayEap: Row(_eap_refused, ask=self._relay, seconds=LOGIN_SECONDS),
            questions.SealTicket: Row(_failure, ask=self._seal_ticket, seconds=TICKET_SECONDS),
            questions.OpenTicket: Row(_failure, ask=self._open_ticket, seconds=TICKET_SECONDS),
            questions.KeepTicket: Row(_never, ask=self._keep_ticket),
            questions.StepTls: Row(_failure, ask=self._step_tls, seconds=STEP_SECONDS),
            questions.AskPerson: Row(_declined, ask=self._person),
            questions.AdmitConfiguration: Row(_unusable, ask=self._admit, seconds=HOST_SECONDS),
            questions.AcquireConfiguration: Row(_no_address, ask=self._configuration, seconds=LEASE_SECONDS),
            questions.FindWay: Row(_no_way, ask=self._way, seconds=NAME_SECONDS),
            questions.ReserveSpi: Row(_any_spi, ask=self._spi, soon=True),
            questions.Install: Row(_failure, ask=self._install, soon=True),
            questions.Activate: Row(_never, ask=self._activate, soon=True),
            questions.LastInbound: Row(_never, ask=self._last_inbound, soon=True),
        }

    def reply(self, question: Question[object]) -> Reply:
        """The answer, or a coroutine that waits for it; where a port breaks, the row's substitute with the reason.
        Neither raises, but for cancellation."""
        row = self._table[type(question)]
        try:
            if row.at_once is not None and not row.waits(question):
                return Answered(row.at_once(question))
            work = self._wait(row, question)
            begun = begin(work) if row.soon else work
            return Answered(begun.value) if isinstance(begun, Over) else begun
        except Exception as error:  # noqa: BLE001 - a port that breaks must not leave the core waiting
            return Answered(self._substitute(row, question, error))

    async def _wait(self, row: Row, question: Question[object]) -> Answer:
        try:
            async with asyncio.timeout(row.seconds) if row.seconds else contextlib.nullcontext():
                return await row.ask(question) if row.ask is not None else None
        except Exception as error:  # noqa: BLE001 - as above
            return self._substitute(row, question, error)

    def _substitute(self, row: Row, question: Question[object], error: Exception) -> Answer:
        match error:
            case TimeoutError():
                why = f"no answer within {row.seconds} s" if row.seconds else "the system timed out"
            case OSError():
                why = error.strerror or str(error)
            case _:
                why = f"internal error: {trace(error)}"
        log.error("%s failed: %s", type(question).__name__, why)
        return row.otherwise(question, why)

    async def _sign(self, question: questions.Sign) -> Signature | Failure:
        return await self._sources.signer.sign(question.remote, question.made_of)

    async def _judge(self, question: questions.JudgePeer) -> Trusted | Untrusted:
        return await self._sources.trust.judge(question.proof)

    async def _derive(self, question: questions.DeriveSkeyid) -> Secret | Feigned | Failure:
        return await self._sources.signer.derive_skeyid(question.request)

    async def _sign_auth(self, question: questions.SignAuth) -> Signature | Failure:
        return await self._sources.signer.sign_auth(question.remote, question.made_of, question.scheme)

    async def _keyed(self, question: questions.KeyedAuth) -> Secret | Failure:
        return await self._sources.signer.keyed_auth(question.request)

    async def _mix(self, question: questions.MixPpk) -> MixedKeys | Failure:
        return await self._sources.signer.mix_ppk(question.request)

    async def _agree(self, question: questions.Agree) -> Secret | Failure:
        """The native code releases the GIL while it computes, so another processor can work on another handshake."""
        answer: Secret | Failure = await self._off_loop(_agreed, question)
        return answer

    async def _check(self, question: questions.CheckLogin) -> Verdict:
        return await self._sources.logins.judge(question.session, question.attempt, question.continues)

    async def _check_mschap(self, question: questions.CheckMschap) -> MschapVerdict:
        attempt = login_of(question.attempt)
        verdict = await self._sources.logins.judge(question.session, attempt, question.continues)
        return mschap_verdict(attempt.user, verdict)

    async def _relay(self, question: questions.RelayEap) -> EapVerdict:
        attempt = login_of(question.attempt)
        verdict = await self._sources.logins.judge(question.session, attempt, question.continues)
        return eap_verdict(attempt.user, verdict)

    async def _seal_ticket(self, question: questions.SealTicket) -> Ticket | Failure:
        account = self._sources.logins.account(question.session)
        return await self._sources.tickets.seal(Sealing(account, question.user, question.state))

    async def _open_ticket(self, question: questions.OpenTicket) -> Opened | Failure:
        return await self._sources.tickets.open(question.ticket)

    async def _keep_ticket(self, question: questions.KeepTicket) -> None:
        await self._sources.wallet.keep(question)

    async def _step_tls(self, question: questions.StepTls) -> TlsProgress | Failure:
        return await self._sources.tls.step(question)

    async def _person(self, question: questions.AskPerson) -> Credentials | Declined:
        return await self._sources.persons.ask(question)

    async def _admit(self, question: questions.AdmitConfiguration) -> None:
        device = self._sources.interface
        given = (question.path, question.configuration)
        follows = self._sources.follows(question.session)
        attachment = Attachment(question.session, device.name, device.mtu, *given, follows=follows)
        await self._sources.host.admit(attachment)

    async def _configuration(self, question: questions.AcquireConfiguration) -> ModeConfiguration | Failure:
        if not self._sources.alive(question.session):
            return Failure(SessionOver())
        return await self._sources.configurations.acquire(question.session, question.user, question.grants)

    async def _way(self, question: questions.FindWay) -> Path:
        return await self._sources.ways(question.gateway, question.port)

    async def _spi(self, question: questions.ReserveSpi) -> int:
        del question
        return await self._sources.associations.reserve_spi()

    async def _install(self, question: questions.Install) -> Failure | None:
        if not self._sources.alive(question.child.session):
            return Failure(SessionOver())
        await self._sources.associations.install(question.child)
        return None

    async def _activate(self, question: questions.Activate) -> None:
        await self._sources.associations.activate(question.child)

    async def _last_inbound(self, question: questions.LastInbound) -> float | None:
        return await self._sources.associations.last_inbound(question.children)

    async def _off_loop(self, function: Callable[..., Any], *arguments: object) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._sources.executor, function, *arguments)


def _agreed(question: questions.Agree) -> Secret | Failure:
    try:
        return Secret(question.dh.agree(question.public))
    except ValueError as fault:
        return Failure(EngineFault(str(fault)))


def _failure(question: Question[Any], why: str) -> Failure:
    del question
    return Failure(EngineFault(why))


def _no_address(question: questions.AcquireConfiguration, why: str) -> Failure:
    del question
    return Failure(PoolFault(why))


def _no_way(question: questions.FindWay, why: str) -> Failure:
    del question
    return Failure(NotResolved(why))


def _unusable(question: questions.AdmitConfiguration, why: str) -> Failure:
    del question
    return Failure(HostUnfit(why))


def _untrusted(question: questions.JudgePeer, why: str) -> Untrusted:
    del question
    return Untrusted(NotChecked(why))


def _refused(question: questions.CheckLogin | questions.CheckMschap, why: str) -> Refused:
    return Refused(BackEndFault(question.attempt.user, why))


def _eap_refused(question: questions.RelayEap, why: str) -> EapRefused:
    return EapRefused(b"", Refused(BackEndFault(question.attempt.user, why)))


def _declined(question: questions.AskPerson, why: str) -> Declined:
    del question
    return Declined(PersonNotAsked(why))


def _any_spi(question: questions.ReserveSpi, why: str) -> int:
    """A random SPI: the engine that could not reserve one refuses to install too, and that refusal goes to the peer."""
    del question, why
    return LOWEST_SPI + secrets.randbelow(2**32 - LOWEST_SPI)


def _never(question: Question[Any], why: str) -> None:
    del question, why
