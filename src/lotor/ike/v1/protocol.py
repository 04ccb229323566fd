"""Routing of IKEv1 messages to the exchanges of a session, and what becomes of messages that belong to none."""

from __future__ import annotations

from functools import partial

from lotor.ike.dialect import Incoming
from lotor.ike.errors import Misplaced, Unproved, dropped
from lotor.ike.events import Doubted, Dropped, Remark
from lotor.ike.v1 import dialling, ends, informational, refusals, sequence
from lotor.ike.v1.hints import FOLLOWING, UNKNOWN_THERE
from lotor.ike.v1.seal import encrypted
from lotor.ike.v1.session import V1Session
from lotor.model.network import Instant, Path
from lotor.model.policy import ExchangeMode
from lotor.model.reasons.protocol import OtherKeyLikely
from lotor.wire.errors import Malformed
from lotor.wire.header import VERSION, Header
from lotor.wire.v1.numbers import ExchangeType, PayloadType, name_of

FLAGS = 0x07
"""Encryption, commit and authentication only. The others "MUST be set to 0" (RFC 2408 §3.1)."""

_KINDS = {ExchangeMode.AGGRESSIVE: ExchangeType.AGGRESSIVE, ExchangeMode.MAIN: ExchangeType.MAIN}
_MODES: dict[int, ExchangeMode] = {kind: mode for mode, kind in _KINDS.items()}


def begin(session: V1Session, now: Instant) -> None:
    """Begins phase 1, in the first of the configured modes."""
    sequence.begin(session, _KINDS[session.remote.exchange_modes[0]], now)


def check(header: Header) -> None:
    """Raises `Malformed` for another version than 1.0, and for undefined flags."""
    if header.version != VERSION:
        raise Malformed(f"ISAKMP header says version {header.spoken}, only 1.0 is spoken here")
    if header.flags & ~FLAGS:
        raise Malformed(f"ISAKMP header has flags {header.flags:#04x}, of which RFC 2408 knows {FLAGS:#04x}")


def mode_of(header: Header) -> ExchangeMode | None:
    """The mode of phase 1 that a message belongs to."""
    return _MODES.get(header.exchange)


def begins_session(header: Header) -> bool:
    """Whether a message may be the first of a stranger: phase 1, in clear, without a responder cookie."""
    return (
        mode_of(header) is not None
        and header.responder == bytes(8)
        and header.initiator != bytes(8)
        and header.message_id == 0
        and not header.flags
        and header.next_payload == PayloadType.SA
    )


def is_fragment(header: Header) -> bool:
    return header.next_payload == PayloadType.FRAGMENT


def describe(header: Header) -> str:
    """What a message claims to be, for the journal."""
    return f"{name_of(ExchangeType, header.exchange).lower().replace('_', ' ')} message"


def answer(session: V1Session, incoming: Incoming, path: Path, now: Instant) -> bool:
    """Handles a stranger's first message, with the session made for it. False when the message deserves no session."""
    exchange = sequence.begin(session, ExchangeType(incoming.header.exchange), now)
    try:
        exchange.receive(incoming, path, now)
    except (Malformed, Misplaced, Unproved) as fault:
        _drop(session, incoming.header, path, fault)
        return False
    return True


def receive(session: V1Session, incoming: Incoming, path: Path, now: Instant) -> None:
    """Handles a message for a session. A malformed, misplaced or unproved one has no effect but a line of the
    journal."""
    try:
        _route(session, incoming, path, now)
    except (Malformed, Misplaced, Unproved) as fault:
        _drop(session, incoming.header, path, fault)


def check_life(session: V1Session, now: Instant) -> None:
    """Asks the peer of a session that is up for a sign of life, outside the schedule."""
    ends.check_life(session, now)


def _route(session: V1Session, incoming: Incoming, path: Path, now: Instant) -> None:
    header = incoming.header
    dialling.demand_called(session, path)
    if header.exchange == ExchangeType.INFORMATIONAL:
        _informational(session, incoming, path, now)
        return
    exchange = session.exchanges.find(header.exchange, header.message_id)
    if exchange is not None and not sequence.continues(session, exchange, incoming):
        exchange.receive(incoming, path, now)
        return
    if not session.established:
        _keep(session, incoming, path)
        return
    if session.life.over:
        raise Misplaced("another phase 1 took this one's place")
    if header.message_id == 0:
        raise Misplaced("message id 0")
    if session.exchanges.full():
        raise Misplaced("too many exchanges at once")
    answering = sequence.answering(session, header.exchange, header.message_id, exchange)
    if answering is None:
        raise Misplaced("nobody begins such an exchange here")
    answering.start(now)
    session.exchanges.add(answering)
    try:
        answering.receive(incoming, path, now)
    except (Malformed, Misplaced, Unproved):
        session.exchanges.drop(answering)
        raise


def _keep(session: V1Session, incoming: Incoming, path: Path) -> None:
    """Keeps a message that follows phase 1 but came too early: while a certificate is judged, or before the last
    message of phase 1. Only messages that the peer's keys may have encrypted are kept."""
    header = incoming.header
    follows = header.exchange in FOLLOWING and header.message_id != 0 and encrypted(header)
    if not follows or path.remote.address != session.path.remote.address or not refusals.keyed(session):
        raise Misplaced("phase 1 is not done")
    if not session.early.keep(incoming, partial(receive, session, incoming, path)):
        raise Misplaced("phase 1 is not done, and enough is kept already until it is")


def _informational(session: V1Session, incoming: Incoming, path: Path, now: Instant) -> None:
    if session.established and session.initiator and not encrypted(incoming.header):
        _doubt(session, incoming, path, now)
    elif session.established:
        sequence.informed(session, informational.receive(session, incoming, path, now), now)
    elif not encrypted(incoming.header):
        hint = refusals.hint(session, incoming, path)
        if hint is not None:
            ends.hinted(session, hint, now)
    else:
        refusal = refusals.keyed_refusal(session, incoming)
        if refusal is None:
            _keep(session, incoming, path)
        else:
            ends.refused(session, refusal)


def _doubt(session: V1Session, incoming: Incoming, path: Path, now: Instant) -> None:
    """Client: somebody says in clear that the gateway does not know this session, as one does that was started
    anew."""
    if not session.liveness.doubtable(now):
        return
    if informational.hint(session, incoming, path) in UNKNOWN_THERE:
        doubt(session, path, now)
    else:
        raise Misplaced("a message in clear under keys")


def doubt(session: V1Session, path: Path, now: Instant) -> None:
    """It proves nothing. The runtime may ask the gateway, which has to prove its answer. In a login, where somebody
    waits, it is asked at once: a gateway that was started anew knows of none."""
    if session.established and session.initiator and session.liveness.doubtable(now):
        session.liveness.doubt(now)
        session.context.tell(Doubted(session.id, path))
        if not session.gates.all_open():
            ends.check_life(session, now)


def _suspect(session: V1Session, header: Header, path: Path) -> None:
    """The end of main mode cannot be decrypted. Unless a better reason comes, this one explains the end of the
    session."""
    if header.exchange == ExchangeType.MAIN and not session.established and session.refused is None:
        session.refused = OtherKeyLikely(path.remote.address)


def _drop(session: V1Session, header: Header, path: Path, fault: Malformed | Misplaced | Unproved) -> None:
    if isinstance(fault, Unproved):
        _suspect(session, header, path)
        session.context.tell(Remark(session.id, f"{describe(header)} from {path.remote} dropped: {fault}"))
    else:
        session.context.tell(Dropped(session.id, path, describe(header), dropped(fault)))
