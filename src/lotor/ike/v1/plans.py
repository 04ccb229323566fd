"""The plan of each exchange of IKEv1: ladder, channel, retransmission and fragmentation, in one table."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from lotor.ike.session import Session
from lotor.ike.v1 import phase1
from lotor.ike.v1.aggressive import AGGRESSIVE
from lotor.ike.v1.exchange import Plan
from lotor.ike.v1.ladder import Ladder, Rung
from lotor.ike.v1.main import MAIN
from lotor.ike.v1.schedules import ONCE, schedule
from lotor.ike.v1.seal import Formula, PhaseOneChannel, PhaseTwoChannel, PlainFormula, QuickFormula, phase_two
from lotor.wire.v1.fragment import split
from lotor.wire.v1.numbers import ExchangeType
from lotor.wire.v1.numbers import PayloadType as P

FRAGMENT_LIMIT = 540
"""Octets of ISAKMP in a fragment: with marker, UDP and IP headers 572, below the 576 that every router carries."""

FRAGMENT_ID = 1
"""Constant, as every peer has it: pieces of several trains of one message complete each other."""

TRANSACTION = Ladder(
    "transaction exchange",
    (
        Rung(from_initiator=True, must=(P.HASH, P.ATTRIBUTES)),
        Rung(from_initiator=False, must=(P.HASH, P.ATTRIBUTES)),
    ),
)

_QUICK_MAY = (P.KEY_EXCHANGE, P.IDENTIFICATION, P.NAT_OA, P.NAT_OA_DRAFT)

QUICK = Ladder(
    "quick mode",
    (
        Rung(from_initiator=True, must=(P.HASH, P.SA, P.NONCE), may=_QUICK_MAY),
        Rung(from_initiator=False, must=(P.HASH, P.SA, P.NONCE), may=_QUICK_MAY),
        Rung(from_initiator=True, must=(P.HASH,)),
    ),
)


def repeats(session: Session) -> tuple[float, ...]:
    timing = session.desk.policy.retransmission
    return schedule(timing.interval, timing.counter)


def cutter(session: Session) -> Callable[[bytes], tuple[bytes, ...]]:
    """Datagrams of a message: pieces where the peer takes them and the message is large."""
    return partial(_cut, session)


def _cut(session: Session, message: bytes) -> tuple[bytes, ...]:
    if not session.facts.fragment or len(message) <= FRAGMENT_LIMIT:
        return (message,)
    return tuple(split(message, FRAGMENT_ID, FRAGMENT_LIMIT))


def _same(channel: PhaseOneChannel, _: int) -> PhaseOneChannel:
    return channel


def phase_one(session: Session, channel: PhaseOneChannel, kind: ExchangeType) -> Plan:
    """The initiator of aggressive mode insists: nothing acknowledges its last message but what the responder says
    next. A responder repeats its answer to a stranger once."""
    return Plan(
        kind=kind,
        ladder=AGGRESSIVE if kind is ExchangeType.AGGRESSIVE else MAIN,
        initiator=session.initiator,
        channel=partial(_same, channel),
        cut=cutter(session),
        repeats=repeats(session) if session.initiator else ONCE,
        insist=session.initiator and kind is ExchangeType.AGGRESSIVE,
        spares=not session.initiator,
    )


def _channel(session: Session, formula: Callable[[], Formula]) -> Callable[[int], PhaseTwoChannel]:
    record = phase1.of(session)
    return lambda message_id: phase_two(record.keys, record.last_block, message_id, formula())


def transaction(session: Session, *, initiator: bool) -> Plan:
    channel = _channel(session, PlainFormula)
    return Plan(ExchangeType.TRANSACTION, TRANSACTION, initiator, channel, cutter(session), repeats(session))


def quick(session: Session, *, initiator: bool) -> Plan:
    channel = _channel(session, QuickFormula)
    return Plan(ExchangeType.QUICK, QUICK, initiator, channel, cutter(session), repeats(session))
