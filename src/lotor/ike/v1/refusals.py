"""Refusals of the peer before a session is up, and its silence: what each means, in clear and under keys."""

from __future__ import annotations

from lotor.ike.dialect import Incoming
from lotor.ike.v1 import informational
from lotor.ike.v1.exchange import Exchange
from lotor.ike.v1.seal import PhaseOneChannel
from lotor.ike.v1.session import V1Session
from lotor.model.frozen import frozen
from lotor.model.network import Instant, Path
from lotor.model.reason import Reason
from lotor.model.reasons.ends import Stalled, TooSlow
from lotor.model.reasons.proposals import ProposalRefused
from lotor.model.reasons.protocol import RefusedByClient, RefusedByGateway
from lotor.wire.v1.numbers import ExchangeType, NotifyType

RECENT_LIFE_S = 30.0
"""A gateway that answered a probe within so many seconds counts as alive: `watch.WAITING_DPD` probes more often."""


def slow(session: V1Session, now: Instant) -> Reason:
    """Why a step took too long: the peer does not answer at all, or it answers only probes."""
    gate = session.gates.next()
    step = gate.value if gate is not None else "quick mode"
    there = session.initiator and session.established and session.liveness.heard_since(now - RECENT_LIFE_S)
    address = session.path.remote.address
    return Stalled(address, step) if there else TooSlow(address, step)


def keyed(session: V1Session) -> PhaseOneChannel | None:
    """The channel of a phase 1 that is under way and has keys."""
    for kind in (ExchangeType.AGGRESSIVE, ExchangeType.MAIN):
        exchange = session.exchanges.find(kind, 0)
        channel = exchange.channel if isinstance(exchange, Exchange) else None
        if isinstance(channel, PhaseOneChannel) and channel.iv_chain is not None:
            return channel
    return None


def hint(session: V1Session, incoming: Incoming, path: Path) -> Reason | None:
    """The refusal of a message in clear, which proves nothing; None where it says something else."""
    told = informational.hint(session, incoming, path)
    return None if told is None else _refusal_of(session, told)


@frozen
class Keyed:
    """A refusal under the keys of phase 1. `verdict`: on this end's proof, which no forged message can have caused."""

    reason: Reason
    verdict: bool


def keyed_refusal(session: V1Session, incoming: Incoming) -> Keyed | None:
    """The refusal of a message under the keys of a phase 1 that is not done; None where it says something else."""
    channel = keyed(session)
    told = informational.refusal(channel, incoming) if channel is not None else None
    return None if told is None else Keyed(_refusal_of(session, told), told in VERDICTS)


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
