"""CREATE_CHILD_SA for the IKE SA itself, in both roles: other keys and SPIs, the same session (RFC 7296 §1.3.2, §2.18).

The new SA needs no proof and no login. Its message ids begin at 0, and the SA pairs move to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lotor.ike.errors import PeerFault
from lotor.ike.events import Renewed
from lotor.ike.gates import Gates
from lotor.ike.session import NO_SPI, Spis
from lotor.ike.v2 import choose, create_child, exchanges, followup, init, keys, voice
from lotor.ike.v2.keys import Parts
from lotor.ike.v2.message import Message
from lotor.ike.v2.sa import IkeSa
from lotor.ike.v2.session import V2Session
from lotor.ike.v2.story import Payloads, Story, request
from lotor.model.algorithms import Group, Ike2Suite
from lotor.model.frozen import frozen
from lotor.model.network import Instant
from lotor.model.reasons.protocol import BrokenExchange
from lotor.wire.errors import Malformed
from lotor.wire.v2.association import Proposal, SecurityAssociation
from lotor.wire.v2.chain import Chain
from lotor.wire.v2.numbers import ExchangeType, NotifyType, Protocol
from lotor.wire.v2.payloads import Delete, KeyExchange, Nonce, Notification
from lotor.wire.v2.proposals import chosen_ike, ike_proposals

CREATE = ExchangeType.CREATE_CHILD_SA

MOST_TURNS = 3
"""Times that this end asks with the key exchange of another group."""


@frozen
class Successor:
    """The session with the new keys. `nonce`: the lower one of the exchange, by which one of two is chosen."""

    session: V2Session
    nonce: bytes


def concerns_ike(message: Message) -> bool:
    """Whether a request is for the IKE SA: its proposals are."""
    sa = message.chain.first(SecurityAssociation)
    return sa is not None and bool(sa.proposals) and sa.proposals[0].protocol == Protocol.IKE


def suites(session: V2Session) -> tuple[Ike2Suite, ...]:
    """What the new SA may have: the present suite first, so that a peer that agreed to it once agrees again. Additional
    key exchanges may be left out by a peer: what they gave is in SK_d, from which the new keys come."""
    wanted = (session.ike_sa.suite, *session.terms.proposals)
    return tuple(dict.fromkeys((*wanted, *(replace(suite, more=()) for suite in wanted))))


# --- initiator -------------------------------------------------------------------------------------------------------


def initiator(session: V2Session) -> Story[Successor]:
    """Asks for other keys."""
    randomness, offered = session.context.randomness, suites(session)
    spi, nonce = randomness.cookie(), randomness.nonce(init.NONCE_OCTETS)
    group = offered[0].group
    for _ in range(MOST_TURNS):
        pair = randomness.key_pair(group)
        response = yield from request(
            CREATE, ike_proposals(offered, spi), Nonce(nonce), KeyExchange(group, pair.public)
        )
        wanted = _wanted(response.chain, offered)
        if wanted in {None, group}:
            break
        group = wanted or group
    create_child.demand_success(session, response.chain)
    suite, theirs = _answer(session, response.chain, offered, group)
    exchanged = response.chain.only(KeyExchange)
    shared = yield from init.agree(session, pair, _public(session, group, exchanged))
    parts = Parts(nonce, create_child.init_nonce(response.chain), spi, theirs, shared)
    parts = yield from followup.initiator(session, suite, parts, response.chain)
    return _successor(session, suite, parts, initiator=True)


def _wanted(chain: Chain, offered: tuple[Ike2Suite, ...]) -> Group | None:
    """The group that the peer wants instead, as far as this end offered it."""
    notes = [each.data for each in chain.all(Notification) if each.type == NotifyType.INVALID_KE_PAYLOAD]
    number = int.from_bytes(notes[0], "big") if notes else 0
    return next((suite.group for suite in offered if suite.group == number), None)


def _answer(session: V2Session, chain: Chain, offered: tuple[Ike2Suite, ...], group: Group) -> tuple[Ike2Suite, bytes]:
    """What the peer chose, and its SPI. `PeerFault` for what was not offered."""
    proposals = chain.only(SecurityAssociation).proposals
    suite = chosen_ike(proposals[0]) if len(proposals) == 1 else None
    if suite is None or suite not in offered or suite.group != group or not _good(proposals[0].spi):
        raise PeerFault(BrokenExchange(CREATE.name, f"{session.path.remote} chose what was not offered"), None)
    return suite, proposals[0].spi


def _good(spi: bytes) -> bool:
    return len(spi) == len(NO_SPI) and spi != NO_SPI


# --- responder -------------------------------------------------------------------------------------------------------


def responder(session: V2Session, message: Message, made: Callable[[Successor], None]) -> Story[Payloads]:
    """Answers a peer that wants other keys. `made` is called with the session that has them. While this end makes or
    deletes an SA pair, the peer is to ask again later (RFC 7296 §2.25.1)."""
    if session.work.changing_children or session.life.over:
        return (Notification(NotifyType.TEMPORARY_FAILURE),)
    chain = message.chain
    theirs, nonce = chain.only(KeyExchange), create_child.init_nonce(chain)
    terms = replace(session.remote, v2=replace(session.terms, proposals=suites(session)))
    offered = choose.Offered(chain.only(SecurityAssociation), theirs.group, intermediate=True)
    chosen = choose.for_stranger((terms,), offered)
    suite = chosen.suite
    if suite.group != theirs.group:
        return (Notification(NotifyType.INVALID_KE_PAYLOAD, int(suite.group).to_bytes(2, "big")),)
    if not _good(_spi_of(chain, chosen.proposal)):
        raise Malformed("an IKE SA without an SPI")
    public, randomness = _public(session, suite.group, theirs), session.context.randomness
    spi, own, pair = randomness.cookie(), randomness.nonce(init.NONCE_OCTETS), randomness.key_pair(suite.group)
    shared = yield from init.agree(session, pair, public)
    parts = Parts(nonce, own, _spi_of(chain, chosen.proposal), spi, shared)
    answer = SecurityAssociation((replace(chosen.proposal, spi=spi),))
    payloads = answer, Nonce(own), KeyExchange(suite.group, pair.public)
    if suite.more:
        return *payloads, *followup.opened(session, suite, parts)
    made(_successor(session, suite, parts, initiator=False))
    return payloads


def further(session: V2Session, message: Message, made: Callable[[Successor], None]) -> Story[Payloads]:
    """Answers an additional key exchange; `made` as in `responder`, after the last one."""
    if session.work.changing_children or session.life.over:
        return (Notification(NotifyType.TEMPORARY_FAILURE),)
    payloads, done = yield from followup.responder(session, message)
    if done is not None:
        made(_successor(session, done.suite, done.parts, initiator=False))
    return payloads


def _spi_of(chain: Chain, proposal: Proposal) -> bytes:
    """The peer's SPI for the proposal that was chosen, whatever its number."""
    proposals = chain.only(SecurityAssociation).proposals
    return next((each.spi for each in proposals if each.number == proposal.number), b"")


# --- both ------------------------------------------------------------------------------------------------------------


def _public(session: V2Session, group: Group, sent: KeyExchange) -> bytes:
    if sent.group != group:
        raise PeerFault(BrokenExchange(CREATE.name, "a key exchange of another group than was chosen"), None)
    init.demand_public(session, group, sent.data)
    return sent.data


def _successor(session: V2Session, suite: Ike2Suite, parts: Parts, *, initiator: bool) -> Successor:
    """A session with the new keys, which is found by its SPI from now on."""
    made = keys.renewed(session.ike_sa, suite, parts)
    spis = Spis(parts.spi_i, parts.spi_r)
    registry = session.registry
    new = V2Session(
        registry.next_id(), session.context, session.remote, initiator, spis, session.path, registry, Gates()
    )
    new.user, new.proved, new.abilities = session.user, session.proved, session.abilities
    new.small, new.told, new.reached = session.small, session.told, True
    new.risen = session.risen
    new.use(IkeSa(suite, made, parts.ni, parts.nr))
    registry.hear(new)
    return Successor(new, min(parts.ni, parts.nr))


def take_over(new: V2Session, old: V2Session) -> None:
    """The session goes on under the new keys."""
    attempt = new.id
    old.registry.succeed(new, old)
    new.context.tell(Renewed(new.id, attempt, new.path, new.ike_sa.suite, str(new.spis)))


def farewell(session: V2Session) -> None:
    """Deletes an IKE SA whose place another one has taken, and says nothing of the SA pairs."""
    exchanges.farewell(session, (Delete(Protocol.IKE),), voice.LAST_WORDS)


def is_spare(session: V2Session) -> bool:
    """Whether these keys were made to renew others, and never taken into use."""
    renewed = session.sa is not None and session.sa.renewed
    return renewed and session.life.voice is None and not session.life.over


def discard(session: V2Session, _: Instant) -> None:
    """Keys that lost against others are forgotten."""
    if is_spare(session):
        session.stop()
        session.cancel()
        session.registry.closed(session)
