"""The plan of each exchange of IKEv1: its ladder, channel, retransmission and fragmentation, in one table."""

from __future__ import annotations

from collections.abc import Callable

from lotor.ike.v1 import seal
from lotor.ike.v1.aggressive import AGGRESSIVE
from lotor.ike.v1.exchange import Plan
from lotor.ike.v1.ladder import Ladder
from lotor.ike.v1.main import MAIN
from lotor.ike.v1.modecfg import TRANSACTION
from lotor.ike.v1.quick import QUICK
from lotor.ike.v1.schedules import STRANGER_SCHEDULE, schedule
from lotor.ike.v1.seal import PhaseOneChannel, PhaseTwoChannel, PlainHashInput, QuickHashInput
from lotor.ike.v1.session import V1Session
from lotor.wire.v1.fragment import split
from lotor.wire.v1.numbers import ExchangeType

FRAGMENT_LIMIT = 540
"""Octets of ISAKMP in a fragment: with marker, UDP and IP headers 572, below the 576 that every router carries."""

FRAGMENT_ID = 1
"""Constant, as every peer sends it, so that fragments of several sends of one message complete each other."""


def repeats(session: V1Session) -> tuple[float, ...]:
    timing = session.context.policy.retransmission
    return schedule(timing.interval, timing.counter)


def cut(session: V1Session, message: bytes) -> tuple[bytes, ...]:
    """The datagrams of a message: fragments where the peer accepts them and the message is large."""
    if not session.fragment or len(message) <= FRAGMENT_LIMIT:
        return (message,)
    return tuple(split(message, FRAGMENT_ID, FRAGMENT_LIMIT))


def _once(_: V1Session) -> tuple[float, ...]:
    return STRANGER_SCHEDULE


def _unkeyed(*_: object) -> PhaseOneChannel:
    return PhaseOneChannel()


def _plain(session: V1Session, message_id: int) -> PhaseTwoChannel:
    record = session.isakmp_sa
    return seal.phase_two(record.keys, record.last_block, message_id, PlainHashInput())


def _quick(session: V1Session, message_id: int) -> PhaseTwoChannel:
    record = session.isakmp_sa
    return seal.phase_two(record.keys, record.last_block, message_id, QuickHashInput())


def _phase_one(kind: ExchangeType, ladder: Ladder) -> tuple[Plan[PhaseOneChannel], Plan[PhaseOneChannel]]:
    """The plans of responder and initiator. The initiator of aggressive mode insists, since only the responder's next
    message acknowledges its last one. A responder repeats its answer to a stranger once."""
    insist = kind is ExchangeType.AGGRESSIVE
    answering = Plan(kind, ladder, False, _unkeyed, cut, _once, spares=True)
    return answering, Plan(kind, ladder, True, _unkeyed, cut, repeats, insist=insist)


def _phase_two(
    kind: ExchangeType, ladder: Ladder, channel: Callable[[V1Session, int], PhaseTwoChannel]
) -> tuple[Plan[PhaseTwoChannel], Plan[PhaseTwoChannel]]:
    """The plans of responder and initiator."""
    return Plan(kind, ladder, False, channel, cut, repeats), Plan(kind, ladder, True, channel, cut, repeats)


_PHASE_ONE = {
    ExchangeType.AGGRESSIVE: _phase_one(ExchangeType.AGGRESSIVE, AGGRESSIVE),
    ExchangeType.MAIN: _phase_one(ExchangeType.MAIN, MAIN),
}

_PHASE_TWO = {
    ExchangeType.TRANSACTION: _phase_two(ExchangeType.TRANSACTION, TRANSACTION, _plain),
    ExchangeType.QUICK: _phase_two(ExchangeType.QUICK, QUICK, _quick),
}


def phase_one(kind: ExchangeType, *, initiator: bool) -> Plan[PhaseOneChannel]:
    """The plan of a mode of phase 1, which all sessions share."""
    return _PHASE_ONE[kind][initiator]


def phase_two(kind: ExchangeType, *, initiator: bool) -> Plan[PhaseTwoChannel]:
    """The plan of an exchange under the keys of phase 1, which all sessions share."""
    return _PHASE_TWO[kind][initiator]
