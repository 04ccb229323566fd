"""Informational exchanges (RFC 2408 §4.8): deletes, notifies, dead peer detection. They count only under keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import field, replace
from enum import Enum

from lotor.ike.children import DELETED, Pair
from lotor.ike.dialect import Incoming
from lotor.ike.effects import Transmit
from lotor.ike.errors import Refusal, Unproved
from lotor.ike.events import Dropped, Remark, RoundTrip
from lotor.ike.v1 import lifetimes
from lotor.ike.v1.exchange import Exchange, begun_here
from lotor.ike.v1.keymat import PhaseOneKeys
from lotor.ike.v1.seal import PhaseOneChannel, phase_two
from lotor.ike.v1.session import V1Session
from lotor.model.frozen import frozen
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
"""Kinds of notifies that are read in one message; peers send one or two."""
_KNOWN = frozenset(NotifyType)

# --- out -------------------------------------------------------------------------------------------------------------


def say(session: V1Session, *payloads: Payload) -> None:
    """Sends one encrypted message that needs no answer."""
    record = session.isakmp_sa
    _say(session, record.keys, record.last_block, payloads)


def say_refusal(session: V1Session, channel: PhaseOneChannel, notify: NotifyType) -> None:
    """Sends why phase 1 failed: under its keys where there are some, else in clear, which proves nothing to the
    peer."""
    if channel.iv_chain is None:
        say_clear(session, notify)
    else:
        _say(session, channel.iv_chain.keys, channel.last_block(), (Notification(notify),))


def _say(session: V1Session, keys: PhaseOneKeys, last_block: bytes, payloads: tuple[Payload, ...]) -> None:
    message_id = session.context.randomness.message_id()
    channel = phase_two(keys, last_block, message_id)
    header = session.header(ExchangeType.INFORMATIONAL, message_id)
    if any(isinstance(each, Notification) and _is_error(each) for each in payloads):
        session.exchanges.is_new_error(message_id)  # sent back to us it refuses nothing
    session.context.put(Transmit(channel.wrap(header, payloads, encrypt=True), session.path))


def say_clear(session: V1Session, notify: NotifyType) -> None:
    """Sends a refusal before there are keys. It proves nothing to the peer."""
    header = session.header(ExchangeType.INFORMATIONAL, session.context.randomness.message_id())
    message = build_message(header, *build_chain([Notification(notify)]))
    if session.registry.affords(session, len(message), session.path, unasked=False):
        session.context.put(Transmit(message, session.path))


def _cookies(session: V1Session) -> bytes:
    return session.spis.initiator + session.spis.responder


def probe(session: V1Session, sequence: int) -> None:
    """Sends R-U-THERE (RFC 3706 §5.3)."""
    say(session, Notification(NotifyType.R_U_THERE, sequence.to_bytes(4, "big"), spi=_cookies(session)))


def delete_children(session: V1Session, spis: tuple[int, ...]) -> None:
    """Sends deletes of our inbound SPIs: those that the peer sends with."""
    for spi in spis:
        say(session, Delete(Protocol.ESP, (spi.to_bytes(4, "big"),)))


def delete_phase_one(session: V1Session) -> None:
    """Sends a delete of the ISAKMP SA alone: its SA pairs live on under another."""
    say(session, Delete(Protocol.ISAKMP, (_cookies(session),)))


def send_deletes(session: V1Session) -> None:
    """Sends deletes for everything. A Unity client gets only that of phase 1: vpnc stops listening after it."""
    spis = tuple(pair.child.inbound.spi for pair in session.children)
    phase_one = Delete(Protocol.ISAKMP, (_cookies(session),))
    if Vendor.UNITY in session.isakmp_sa.vendors and session.gateway:
        say(session, phase_one)
        return
    delete_children(session, spis)
    say(session, phase_one)


@frozen
class KeyedVoice:
    """The messages that a session sends of its own accord once phase 1 is done."""

    session: V1Session

    def probe(self) -> None:
        probe(self.session, self.session.liveness.number())

    def delete_ike_sa(self) -> None:
        delete_phase_one(self.session)

    def send_deletes(self) -> None:
        send_deletes(self.session)


# --- in --------------------------------------------------------------------------------------------------------------


class Finding(Enum):
    """What a message said that the sequence has to act on. `CONTACT`: the first INITIAL-CONTACT; `SHORTER_LIFETIME`:
    phase 1 ends sooner; `PAIRS_DELETED`: SA pairs were deleted."""

    CONTACT = "initial contact"
    SHORTER_LIFETIME = "shorter lifetime"
    PAIRS_DELETED = "SA pairs deleted"


@frozen
class EndedThere:
    """The finding that the peer has ended the session. It needs no deletes."""

    reason: Reason


@frozen
class Heard:
    """A proved informational message, its path, and what was found in it."""

    session: V1Session
    path: Path
    now: Instant
    found: list[Finding | EndedThere] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """Whether the session has ended, so that the rest of the message means nothing."""
        return self.session.life.over or any(isinstance(each, EndedThere) for each in self.found)


def receive(session: V1Session, incoming: Incoming, path: Path, now: Instant) -> Sequence[Finding | EndedThere]:
    """Returns what the sequence has to act on. Raises `Unproved` or `Malformed` for a message that the peer cannot have
    sent. Each message has an IV of its own. Before the login is proved the peer may be anybody: only what ends the
    session or keeps it alive counts."""
    record = session.isakmp_sa
    channel = phase_two(record.keys, record.last_block, incoming.header.message_id)
    chain, heard = channel.prove(channel.open(incoming)).chain, Heard(session, path, now)
    refuses = any(map(_is_error, chain.all(Notification)))
    again = refuses and not session.exchanges.is_new_error(incoming.header.message_id)
    session.reached_over(path)
    deletes = chain.all(Delete)
    if sum(len(delete.spis) for delete in deletes) > MOST_SPIS:
        raise Malformed(f"deletes of more than {MOST_SPIS} SPIs")
    for note in _few(chain.all(Notification)):
        if again and _is_error(note):
            continue  # it refused what was under way when it came first
        if not heard.over and (session.past_gates or note.type in _OF_ANYBODY):
            _notified(heard, note)
    for delete in deletes:
        if not heard.over and (session.past_gates or delete.protocol == Protocol.ISAKMP):
            _deleted(heard, delete)
    return heard.found


def _is_error(note: Notification) -> bool:
    return note.type < NotifyType.CONNECTED


def _few(notes: Iterable[Notification]) -> list[Notification]:
    """One notify of each kind, and few kinds: one datagram is never answered by dozens."""
    return list({note.type: note for note in reversed(tuple(notes))}.values())[::-1][:MOST_NOTIFIES]


def _notified(heard: Heard, note: Notification) -> None:
    answer = _NOTIFIES.get(note.type)
    if answer is not None:
        answer(heard, note)
    elif note.type < NotifyType.CONNECTED:
        _refused(heard, note)


def _there(heard: Heard, note: Notification) -> None:
    """R-U-THERE: the answer goes back by the path of the probe. A number higher than all before proves a fresh path.
    One of our own, sent back by somebody on the way, is not answered and proves nothing."""
    if note.spi not in (_cookies(heard.session), b"") or len(note.data) != 4:
        return
    sequence = int.from_bytes(note.data, "big")
    if heard.session.liveness.is_ours(sequence):
        return
    if heard.session.liveness.is_fresh(sequence):
        heard.session.liveness.heard(heard.now)
        heard.session.heard_over(heard.path, heard.now)
    say(heard.session, Notification(NotifyType.R_U_THERE_ACK, note.data, spi=_cookies(heard.session)))


def _acknowledged(heard: Heard, note: Notification) -> None:
    session, sequence = heard.session, int.from_bytes(note.data, "big")
    seconds = session.liveness.round_trip(sequence, heard.now)
    if seconds is not None:
        session.context.tell(RoundTrip(session.id, seconds))
    if session.liveness.acknowledged(sequence, heard.now):
        session.heard_over(heard.path, heard.now)


def _initial_contact(heard: Heard, note: Notification) -> None:
    """Remembers INITIAL-CONTACT. The sequence knows whether the login is proved, and so whose old sessions may end."""
    del note
    if not heard.session.initial_contact:
        heard.session.initial_contact = True
        heard.found.append(Finding.CONTACT)


def _told_lifetime(heard: Heard, note: Notification) -> None:
    """RESPONDER-LIFETIME of phase 1 in a message of its own, as Cisco sends it. The sequence sets the timer anew."""
    session = heard.session
    if session.initiator and note.protocol == Protocol.ISAKMP:
        record = session.isakmp_sa
        seconds = lifetimes.told_seconds((note,), Protocol.ISAKMP, record.suite.lifetime)
        session.phase_one = replace(record, suite=replace(record.suite, lifetime=seconds))
        if seconds < record.suite.lifetime:
            heard.found.append(Finding.SHORTER_LIFETIME)


def _refused(heard: Heard, note: Notification) -> None:
    """An error of the peer under keys refuses what this end asked for last."""
    name = name_of(NotifyType, note.type)
    session = heard.session
    ours = begun_here(session, ExchangeType.QUICK)
    if ours:
        ours[-1].give_up(Refusal(_no(session.path.remote.address, note.type)), heard.now)
    elif note.type == NotifyType.AUTHENTICATION_FAILED and not session.children:
        heard.found.append(EndedThere(disbelieved(session)))
    else:
        session.context.tell(Dropped(session.id, heard.path, "notify", Notified(name)))


def _no(address: Address, notify: int) -> Reason:
    if notify == NotifyType.NO_PROPOSAL_CHOSEN:
        return ChildProposalRefused(address)
    return QuickModeRefused(address, name_of(NotifyType, notify))


def disbelieved(session: V1Session) -> Reason:
    """The reason that AUTHENTICATION_FAILED of the peer stands for."""
    return Disbelieved(session.path.remote.address)


_NOTIFIES: dict[int, Callable[[Heard, Notification], None]] = {
    NotifyType.R_U_THERE: _there,
    NotifyType.R_U_THERE_ACK: _acknowledged,
    NotifyType.INITIAL_CONTACT: _initial_contact,
    NotifyType.RESPONDER_LIFETIME: _told_lifetime,
}


_OF_ANYBODY = frozenset(
    {NotifyType.R_U_THERE, NotifyType.R_U_THERE_ACK, NotifyType.INITIAL_CONTACT, NotifyType.AUTHENTICATION_FAILED}
)
"""What counts from a peer whose login is not proved. INITIAL-CONTACT is only remembered until then."""


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
    """The answer that offered an SA pair is not repeated once the peer has deleted that pair."""
    exchange = session.exchanges.find(ExchangeType.QUICK, pair.exchange)
    if not pair.up and isinstance(exchange, Exchange):
        exchange.abandon()


def refusal(channel: PhaseOneChannel, incoming: Incoming) -> NotifyType | None:
    """The error that a peer sent under the keys of an unfinished phase 1. None for anything else, and for a message
    that those keys do not prove."""
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
    return next((NotifyType(kind) for kind in told if kind in _KNOWN), None)


def hint(session: V1Session, incoming: Incoming, path: Path) -> NotifyType | None:
    """The error in a notify in clear, before there are keys. It proves nothing."""
    if incoming.header.flags:
        return None
    for note in _few(parse_chain(incoming.header.next_payload, incoming.body, exact=True).all(Notification)):
        name = name_of(NotifyType, note.type)
        session.context.tell(Remark(session.id, f"{path.remote} says in clear, which proves nothing: {name}"))
        if note.type in _KNOWN and note.type < NotifyType.CONNECTED:
            return NotifyType(note.type)
    return None
