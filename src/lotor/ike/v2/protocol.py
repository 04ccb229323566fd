"""Routing of IKEv2 messages to the exchanges of a session, and what becomes of messages that belong to none."""

from __future__ import annotations

from lotor.ike.children import Pair
from lotor.ike.dialect import Incoming
from lotor.ike.errors import Misplaced, Unproved, dropped
from lotor.ike.events import Doubted, Dropped, Remark
from lotor.ike.v2 import ends, exchanges, hints, mobike, seal, sequence, upkeep
from lotor.ike.v2.init import Hinted
from lotor.ike.v2.message import Message
from lotor.ike.v2.seal import BrokenInside
from lotor.ike.v2.session import V2Session
from lotor.ike.v2.writing import IN_CLEAR
from lotor.model.network import Instant, Path
from lotor.model.reason import Reason
from lotor.model.reasons.protocol import BrokenExchange
from lotor.wire.errors import Malformed
from lotor.wire.header import Header
from lotor.wire.v2.numbers import VERSION, Flag, NotifyType, PayloadType, exchange_name
from lotor.wire.v2.payloads import Notification


def begin(session: V2Session, now: Instant) -> None:
    sequence.begin(session, now)


_INITIATOR, _RESPONSE = int(Flag.INITIATOR), int(Flag.RESPONSE)
"""As numbers: the library takes a dozen calls to combine two flags of an enumeration."""


def check(header: Header) -> None:
    """Raises `Malformed` for a header that is not valid in version 2. A later minor version and flags that nobody
    defined are none of its faults: both are ignored (RFC 7296 §3.1)."""
    if header.version & 0xF0 != VERSION:
        raise Malformed(f"the header says version {header.spoken}, only 2.0 is spoken here")


def begins_session(header: Header) -> bool:
    """Whether a message may be the first of a stranger: an IKE_SA_INIT or IKE_SESSION_RESUME request without an SPI
    of the responder's."""
    return (
        header.exchange in IN_CLEAR
        and header.responder == bytes(8)
        and header.initiator != bytes(8)
        and header.message_id == 0
        and header.flags & _INITIATOR != 0
        and not header.flags & _RESPONSE
        and header.next_payload != PayloadType.ENCRYPTED
    )


def describe(header: Header) -> str:
    """What a message claims to be, for the journal."""
    return f"{exchange_name(header.exchange)} {'response' if header.flags & Flag.RESPONSE else 'request'}"


def answer(session: V2Session, incoming: Incoming, path: Path, now: Instant) -> bool:
    """Handles a stranger's first message, with the session made for it. False when the message deserves no session."""
    ends.within(session, ends.HALF_OPEN_S, "half-open session", now)
    try:
        _request(session, incoming, path, now)
    except (Malformed, Misplaced, Unproved) as fault:
        _drop(session, incoming.header, path, fault)
        return False
    return True


def receive(session: V2Session, incoming: Incoming, path: Path, now: Instant) -> None:
    """Handles a message for a session. A malformed, misplaced or unproved one has no effect but a line of the
    journal."""
    try:
        _route(session, incoming, path, now)
    except Hinted as hint:
        _drop(session, incoming.header, path, hint)
        ends.hinted(session, hint.reason, now)
    except BrokenInside as fault:
        ends.broken(session, BrokenExchange(describe(incoming.header), str(fault)))
    except (Malformed, Misplaced, Unproved) as fault:
        _drop(session, incoming.header, path, fault)


def check_life(session: V2Session, now: Instant) -> None:
    """Asks the peer of a session that is up for a sign of life, outside the schedule."""
    if session.established and mobike.has_moved(session):
        upkeep.move(session, now)
    else:
        ends.check_life(session, now)


def rekey(session: V2Session, pair: Pair, now: Instant) -> None:
    """The soft lifetime of an SA pair is over."""
    upkeep.rekey(session, pair, now)


def expired(session: V2Session, pair: Pair, reason: Reason, now: Instant) -> None:
    """The engine carries nothing for an SA pair any more."""
    upkeep.expired(session, pair, reason, now)


def _route(session: V2Session, incoming: Incoming, path: Path, now: Instant) -> None:
    header = incoming.header
    if bool(header.flags & _INITIATOR) is session.initiator:
        raise Misplaced("it says that it is of this end")
    _demand_called(session, path)
    if session.sa is not None and header.exchange not in IN_CLEAR and not seal.protected(incoming):
        _in_clear(session, incoming, path, now)
    elif header.flags & _RESPONSE:
        exchanges.responded(session, incoming, path, now)
    else:
        _request(session, incoming, path, now)


def _request(session: V2Session, incoming: Incoming, path: Path, now: Instant) -> None:
    message = exchanges.asked(session, incoming, path, now)
    if message is None:
        return
    unknown = message.chain.unknown_critical()
    if unknown is not None:
        _not_understood(session, message, unknown, now)
        return
    waiting = exchanges.waiting(session, message)
    if waiting is not None:
        waiting.resume(message, now)
    else:
        _begin_answer(session, message, now)


def _begin_answer(session: V2Session, message: Message, now: Instant) -> None:
    try:
        answering = sequence.last_words(session, message) if session.life.over else sequence.answering(session, message)
    except Misplaced:
        session.exchanges.peers.working = False
        raise
    exchanges.answer(session, message, answering, now)


def _not_understood(session: V2Session, message: Message, number: int, now: Instant) -> None:
    """A critical payload that is not known here (RFC 7296 §2.5)."""
    if not message.protected:
        session.exchanges.peers.working = False
        raise Misplaced(f"a critical payload of type {number}")
    note = Notification(NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, bytes([number]))
    exchanges.respond(session, message, (note,), now)
    if not session.established:
        ends.broken(session, BrokenExchange(describe(message.header), f"a critical payload of type {number}"))


def _demand_called(session: V2Session, path: Path) -> None:
    """Until the peer is proved, only the address that was called may answer, from any port: an attacker who saw the
    first message could answer from an address of its own."""
    called = session.path.remote.address
    if not session.initiator or session.established or path.remote.address == called:
        return
    session.instead = session.instead or path.remote
    raise Misplaced(f"{called} was called, and answers are taken from there only until it is proved")


def _in_clear(session: V2Session, incoming: Incoming, path: Path, now: Instant) -> None:
    """Nothing in clear counts under keys. Somebody may say that the peer does not know this session, as one does that
    was started anew."""
    if hints.unknown_there(incoming):
        doubt(session, path, now)
    else:
        raise Misplaced("a message in clear under keys")


def doubt(session: V2Session, path: Path, now: Instant) -> None:
    """It proves nothing. The runtime may ask the gateway of a session that is up, which has to prove its answer. In a
    login nothing may be asked but IKE_AUTH itself (RFC 7296 §1.4), on which a back end may work for a while."""
    client = session.established and not session.gateway and not session.life.over
    if client and session.liveness.doubtable(now):
        session.liveness.doubt(now)
        session.context.tell(Doubted(session.id, path))


def _drop(session: V2Session, header: Header, path: Path, fault: Malformed | Misplaced | Unproved) -> None:
    if isinstance(fault, Unproved):
        session.context.tell(Remark(session.id, f"{describe(header)} from {path.remote} dropped: {fault}"))
    else:
        session.context.tell(Dropped(session.id, path, describe(header), dropped(fault)))
