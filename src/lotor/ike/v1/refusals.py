"""How an attempt fails before it is up: what the peer is told, what is believed of it, and how long is too long."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from lotor.ike.dialect import Incoming
from lotor.ike.errors import Refusal
from lotor.ike.v1 import dialling, informational
from lotor.ike.v1.exchange import Exchange
from lotor.ike.v1.isakmp import PhaseOne
from lotor.ike.v1.seal import PhaseOneChannel
from lotor.ike.v1.session import V1Session
from lotor.model.network import Instant, Path
from lotor.model.reason import Cause, Reason
from lotor.model.reasons.ends import Stalled, TooSlow
from lotor.model.reasons.proposals import ProposalRefused
from lotor.model.reasons.protocol import RefusedByClient, RefusedByGateway
from lotor.wire.v1.numbers import ExchangeType, NotifyType

LOGIN_GRACE = 120.0
"""Seconds from phase 1 until traffic may flow; a person may be typing."""


LATELY = 30.0
"""Seconds since which a gateway is there that answered a probe: it is asked more often than that (`watch.NUDGE`)."""


def too_slow(session: V1Session) -> Callable[[Instant], None]:
    return partial(_too_slow, session)


def _too_slow(session: V1Session, now: Instant) -> None:
    gate = session.gates.next()
    step = gate.value if gate is not None else "quick mode"
    there = session.initiator and session.established and session.liveness.heard_since(now - LATELY)
    address = session.path.remote.address
    slow: Reason = Stalled(address, step) if there else TooSlow(address, step)
    reason = session.refused or slow
    session.end(dialling.with_stranger(session, reason), farewell=session.established)


def attempt_failed(exchange: Exchange[PhaseOne], refusal: Refusal, _: Instant) -> None:
    """A refusal in phase 1 ends the session; the peer gets one hint, no larger than what it sent, under the keys where
    there are some: it may have gone on already, and believes nothing else then."""
    session, channel = exchange.session, exchange.channel
    if refusal.notify is not None and isinstance(channel, PhaseOneChannel):
        informational.say_refusal(session, channel, refusal.notify)
    silent = refusal.reason.cause is Cause.NO_ANSWER
    reason = (session.refused if silent else None) or refusal.reason
    session.end(dialling.with_stranger(session, reason), farewell=False)


def keyed(session: V1Session) -> PhaseOneChannel | None:
    """The channel of a phase 1 that is under way and has keys."""
    for kind in (ExchangeType.AGGRESSIVE, ExchangeType.MAIN):
        exchange = session.exchanges.find(kind, 0)
        if isinstance(exchange, Exchange) and isinstance(exchange.channel, PhaseOneChannel) and exchange.channel.thread:
            return exchange.channel
    return None


HINT_PATIENCE = 3.0
"""Seconds in which a true answer may still follow a refusal that nobody signed."""


def hinted(session: V1Session, incoming: Incoming, path: Path, now: Instant) -> None:
    """A refusal that nobody signed. Where the peer has answered already it is no more than what silence is put down to.
    Before that it ends the wait: whoever can forge it could forge a useless answer as well."""
    told = informational.hint(session, incoming, path)
    if told is None or session.refused is not None or not session.initiator:
        return
    session.refused = _refusal_of(session, told)
    if not session.answered:
        session.limit(HINT_PATIENCE, "refusal in clear", partial(_unless_answered, session), now)


def _unless_answered(session: V1Session, now: Instant) -> None:
    if session.answered:
        session.limit(LOGIN_GRACE, "half-open session", too_slow(session), now)
    else:
        _too_slow(session, now)


def refused(session: V1Session, incoming: Incoming) -> bool:
    """Whether a message under the keys of a phase 1 that is not done says that the peer refuses it. A verdict on this
    end's proof ends it: nobody else has the keys. An error that a forged message may have caused is a hint."""
    channel = keyed(session)
    told = informational.refusal(channel, incoming) if channel is not None else None
    if told is None:
        return False
    reason = _refusal_of(session, told)
    if told in VERDICTS:
        session.end(reason, farewell=False)
    else:
        session.refused = session.refused or reason
    return True


VERDICTS = frozenset(
    {
        NotifyType.SITUATION_NOT_SUPPORTED,
        NotifyType.NO_PROPOSAL_CHOSEN,
        NotifyType.INVALID_KEY_INFORMATION,
        NotifyType.INVALID_ID_INFORMATION,
        NotifyType.INVALID_CERT_ENCODING,
        NotifyType.INVALID_CERTIFICATE,
        NotifyType.CERT_TYPE_UNSUPPORTED,
        NotifyType.INVALID_CERT_AUTHORITY,
        NotifyType.AUTHENTICATION_FAILED,
        NotifyType.INVALID_SIGNATURE,
        NotifyType.CERTIFICATE_UNAVAILABLE,
    }
)


def _refusal_of(session: V1Session, told: NotifyType) -> Reason:
    peer = session.path.remote.address
    if told is NotifyType.AUTHENTICATION_FAILED:
        return informational.disbelieved(session)
    if not session.initiator:
        return RefusedByClient(peer, told.name)
    offered = ", ".join(str(suite) for suite in session.remote.proposals)
    if told is NotifyType.NO_PROPOSAL_CHOSEN:
        return ProposalRefused(peer, offered)
    return RefusedByGateway(peer, told.name, offered)
