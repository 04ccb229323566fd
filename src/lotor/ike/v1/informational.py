"""Informational exchanges (RFC 2408 §4.8): deletes, notifies, dead peer detection; under keys, or they do not count."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TypeGuard

from lotor.ike.children import DELETED, Pair
from lotor.ike.dialect import Incoming
from lotor.ike.effects import Transmit
from lotor.ike.errors import Refusal, Unproved
from lotor.ike.events import Dropped, Remark
from lotor.ike.v1 import lifetimes
from lotor.ike.v1.exchange import Exchange
from lotor.ike.v1.exchanges import Running
from lotor.ike.v1.keymat import PhaseOneKeys
from lotor.ike.v1.seal import PhaseOneChannel, phase_two
from lotor.ike.v1.session import V1Session
from lotor.model.network import Address, Instant, Path
from lotor.model.reason import Reason
from lotor.model.reasons.ends import PeerDeleted
from lotor.model.reasons.proposals import ChildProposalRefused
from lotor.model.reasons.protocol import Disbelieved, Notified, QuickModeRefused
from lotor.wire.errors import Malformed
from lotor.wire.v1.chain import Chain, build_chain, build_message, parse_chain
from lotor.wire.v1.numbers import ExchangeType, NotifyType, Protocol, name_of
from lotor.wire.v1.payloads import MOST_SPIS, Delete, Notification, Payload
from lotor.wire.v1.vendors import Vendor

MOST_NOTIFIES = 8
"""Kinds that are looked at in one message; peers send one or two."""

# --- out -------------------------------------------------------------------------------------------------------------


def say(session: V1Session, *payloads: Payload) -> None:
    """One encrypted message that nobody answers."""
    record = session.isakmp_sa
    _say(session, record.keys, record.last_block, payloads)


def say_refusal(session: V1Session, channel: PhaseOneChannel, notify: NotifyType) -> None:
    """Why phase 1 failed: under its keys where there are some, else in clear, for the peer to believe or not."""
    if channel.iv_chain is None:
        say_clear(session, notify)
    else:
        _say(session, channel.iv_chain.keys, channel.last_block(), (Notification(notify),))


def _say(session: V1Session, keys: PhaseOneKeys, last_block: bytes, payloads: tuple[Payload, ...]) -> None:
    message_id = session.desk.randomness.message_id()
    channel = phase_two(keys, last_block, message_id)
    header = session.header(ExchangeType.INFORMATIONAL, message_id)
    session.desk.put(Transmit(channel.wrap(header, payloads, encrypt=True), session.path))


def say_clear(session: V1Session, notify: NotifyType) -> None:
    """One refusal before there are keys: a hint that the peer may believe or not."""
    header = session.header(ExchangeType.INFORMATIONAL, session.desk.randomness.message_id())
    message = build_message(header, *build_chain([Notification(notify)]))
    if session.registry.affords(session, len(message), session.path, unasked=False):
        session.desk.put(Transmit(message, session.path))


def _cookies(session: V1Session) -> bytes:
    return session.spis.initiator + session.spis.responder


def probe(session: V1Session, sequence: int) -> None:
    """R-U-THERE (RFC 3706 §5.3)."""
    say(session, Notification(NotifyType.R_U_THERE, sequence.to_bytes(4, "big"), spi=_cookies(session)))


def delete_children(session: V1Session, spis: tuple[int, ...]) -> None:
    """Delete by our inbound SPIs: those the peer sends with."""
    for spi in spis:
        say(session, Delete(Protocol.ESP, (spi.to_bytes(4, "big"),)))


def delete_phase_one(session: V1Session) -> None:
    """Only the ISAKMP SA: its SA pairs live on under another."""
    say(session, Delete(Protocol.ISAKMP, (_cookies(session),)))


def farewell(session: V1Session) -> None:
    """Deletes for everything. A Unity client hears the end of phase 1 first: vpnc stops listening after it."""
    spis = tuple(pair.child.inbound.spi for pair in session.children)
    phase_one = Delete(Protocol.ISAKMP, (_cookies(session),))
    if Vendor.UNITY in session.isakmp_sa.vendors and session.gateway:
        say(session, phase_one)
        return
    delete_children(session, spis)
    say(session, phase_one)


@dataclass(frozen=True, slots=True)
class KeyedVoice:
    """What a session says of itself once phase 1 is done."""

    session: V1Session

    def probe(self) -> None:
        probe(self.session, self.session.liveness.number())

    def part(self) -> None:
        delete_phase_one(self.session)

    def farewell(self) -> None:
        farewell(self.session)


# --- in --------------------------------------------------------------------------------------------------------------


class Finding(Enum):
    """What a message said that something else follows from. `CONTACT`: for the first time that the peer holds nothing
    else of ours; `SHORTER_LIFETIME`: of phase 1; `PAIRS_DELETED`: SA pairs that existed."""

    CONTACT = "initial contact"
    SHORTER_LIFETIME = "shorter lifetime"
    PAIRS_DELETED = "SA pairs deleted"


@dataclass(frozen=True, slots=True)
class EndedThere:
    """The finding that the peer has ended the session: it needs no deletes."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Heard:
    """A proved informational, where it came from, and what was found in it."""

    session: V1Session
    path: Path
    now: Instant
    found: list[Finding | EndedThere] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """Whether the rest of the message concerns nobody any more."""
        return self.session.life.over or any(isinstance(each, EndedThere) for each in self.found)


def receive(session: V1Session, incoming: Incoming, path: Path, now: Instant) -> Sequence[Finding | EndedThere]:
    """What the message said that something follows from. Raises `Unproved` or `Malformed` for what the peer cannot have
    sent. Each message is its own: the IV is fresh. Of who has not logged in yet, and may be anybody, only what ends or
    holds the session counts."""
    record = session.isakmp_sa
    channel = phase_two(record.keys, record.last_block, incoming.header.message_id)
    chain, heard = channel.prove(channel.open(incoming)).chain, Heard(session, path, now)
    session.reached_over(path)
    deletes = chain.all(Delete)
    if sum(len(delete.spis) for delete in deletes) > MOST_SPIS:
        raise Malformed(f"deletes of more than {MOST_SPIS} SPIs")
    for note in _few(chain.all(Notification)):
        if not heard.over and (_proved(session) or note.type in _OF_ANYBODY):
            _notified(heard, note)
    for delete in deletes:
        if not heard.over and (_proved(session) or delete.protocol == Protocol.ISAKMP):
            _deleted(heard, delete)
    return heard.found


def _few(notes: Iterable[Notification]) -> list[Notification]:
    """A kind of notify counts once a message, and few kinds do: one datagram is never answered by dozens."""
    return list({note.type: note for note in reversed(tuple(notes))}.values())[::-1][:MOST_NOTIFIES]


def _proved(session: V1Session) -> bool:
    return session.initiator or session.gates.all_open()


def _notified(heard: Heard, note: Notification) -> None:
    answer = _NOTIFIES.get(note.type)
    if answer is not None:
        answer(heard, note)
    elif note.type < NotifyType.CONNECTED:
        _refused(heard, note)


def _there(heard: Heard, note: Notification) -> None:
    """R-U-THERE: the answer goes back the way it came; a number higher than all before proves a fresh path."""
    if note.spi not in (_cookies(heard.session), b"") or len(note.data) != 4:
        return
    if heard.session.liveness.is_fresh(int.from_bytes(note.data, "big")):
        heard.session.liveness.heard(heard.now)
        heard.session.heard_over(heard.path, heard.now)
    say(heard.session, Notification(NotifyType.R_U_THERE_ACK, note.data, spi=_cookies(heard.session)))


def _acknowledged(heard: Heard, note: Notification) -> None:
    if heard.session.liveness.acknowledged(int.from_bytes(note.data, "big"), heard.now):
        heard.session.heard_over(heard.path, heard.now)


def _initial_contact(heard: Heard, note: Notification) -> None:
    """Remembered only: `sequence` knows whether the login is proved, and so whose old sessions it may end."""
    del note
    if not heard.session.initial_contact:
        heard.session.initial_contact = True
        heard.found.append(Finding.CONTACT)


def _told_lifetime(heard: Heard, note: Notification) -> None:
    """RESPONDER-LIFETIME of phase 1 in a message of its own, as Cisco sends it: `sequence` sets the alarm anew."""
    session = heard.session
    if session.initiator and note.protocol == Protocol.ISAKMP:
        record = session.isakmp_sa
        seconds = lifetimes.told_seconds((note,), Protocol.ISAKMP, record.suite.lifetime)
        session.phase_one = replace(record, suite=replace(record.suite, lifetime=seconds))
        if seconds < record.suite.lifetime:
            heard.found.append(Finding.SHORTER_LIFETIME)


def _refused(heard: Heard, note: Notification) -> None:
    """An error of the peer under keys ends what we asked it for."""
    name = name_of(NotifyType, note.type)
    session = heard.session
    ours = [each for each in session.exchanges.running(ExchangeType.QUICK) if _begun_here(each)]
    if ours:
        ours[-1].give_up(Refusal(_no(session.path.remote.address, note.type)), heard.now)
    elif note.type == NotifyType.AUTHENTICATION_FAILED and not session.children:
        heard.found.append(EndedThere(disbelieved(session)))
    else:
        session.desk.tell(Dropped(session.id, heard.path, "notify", Notified(name)))


def _no(address: Address, notify: int) -> Reason:
    if notify == NotifyType.NO_PROPOSAL_CHOSEN:
        return ChildProposalRefused(address)
    return QuickModeRefused(address, name_of(NotifyType, notify))


def disbelieved(session: V1Session) -> Reason:
    """What AUTHENTICATION_FAILED of the peer means."""
    return Disbelieved(session.path.remote.address)


def _begun_here(running: Running) -> TypeGuard[Exchange[object]]:
    return isinstance(running, Exchange) and running.plan.initiator


_NOTIFIES: dict[int, Callable[[Heard, Notification], None]] = {
    NotifyType.R_U_THERE: _there,
    NotifyType.R_U_THERE_ACK: _acknowledged,
    NotifyType.INITIAL_CONTACT: _initial_contact,
    NotifyType.RESPONDER_LIFETIME: _told_lifetime,
}


_OF_ANYBODY = frozenset(
    {NotifyType.R_U_THERE, NotifyType.R_U_THERE_ACK, NotifyType.INITIAL_CONTACT, NotifyType.AUTHENTICATION_FAILED}
)
"""INITIAL-CONTACT is only remembered until the login is proved."""


def _deleted(heard: Heard, delete: Delete) -> None:
    session = heard.session
    if delete.protocol == Protocol.ISAKMP:
        if _cookies(session) in delete.spis:
            heard.found.append(EndedThere(PeerDeleted("client" if session.gateway else "gateway")))
        return
    for spi in delete.spis:
        pair = session.children.by_outbound(int.from_bytes(spi, "big"))
        if delete.protocol == Protocol.ESP and pair is not None:
            session.children.remove(session, pair.child.id, DELETED)
            heard.found.append(Finding.PAIRS_DELETED)
            _abandon_quick(session, pair)


def _abandon_quick(session: V1Session, pair: Pair) -> None:
    """The answer that offered a pair is not repeated once the peer has deleted it."""
    exchange = session.exchanges.find(ExchangeType.QUICK, pair.exchange)
    if not pair.up and isinstance(exchange, Exchange):
        exchange.abandon()


def refusal(channel: PhaseOneChannel, incoming: Incoming) -> NotifyType | None:
    """The error that a peer tells under the keys of a phase 1 that is not done; None where it is something else, or
    nothing that its keys prove as far as phase 1 has come."""
    if channel.iv_chain is None:
        return None
    try:
        after = phase_two(channel.iv_chain.keys, channel.last_block(), incoming.header.message_id)
        proved = after.prove(after.open(incoming))
    except (Unproved, Malformed):
        return None
    return _error(proved.chain)


def _error(chain: Chain) -> NotifyType | None:
    told = (note.type for note in chain.all(Notification) if note.type < NotifyType.CONNECTED)
    return next((NotifyType(kind) for kind in told if kind in set(NotifyType)), None)


def hint(session: V1Session, incoming: Incoming, path: Path) -> NotifyType | None:
    """A notify in clear before there are keys: what it says, for whoever wants to believe it."""
    if incoming.header.flags:
        return None
    for note in parse_chain(incoming.header.next_payload, incoming.body, exact=True).all(Notification):
        name = name_of(NotifyType, note.type)
        session.desk.tell(Remark(session.id, f"{path.remote} says in clear, which proves nothing: {name}"))
        if note.type in set(NotifyType) and note.type < NotifyType.CONNECTED:
            return NotifyType(note.type)
    return None
