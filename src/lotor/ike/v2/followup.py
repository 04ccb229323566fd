"""IKE_FOLLOWUP_KE, in both roles: additional key exchanges when the keys of an IKE SA are renewed (RFC 9370 §2.2.4).

CREATE_CHILD_SA says what they will be, and each follows in an exchange of its own, under the old keys. A link, which
only the responder understands, says which renewal an exchange belongs to.
"""

from __future__ import annotations

from dataclasses import field, replace

from lotor.ike.errors import PeerFault
from lotor.ike.v2 import create_child, init
from lotor.ike.v2.keys import Parts
from lotor.ike.v2.message import Message
from lotor.ike.v2.session import V2Session
from lotor.ike.v2.story import Payloads, Story, request
from lotor.model.algorithms import Group, Ike2Suite
from lotor.model.frozen import frozen
from lotor.model.reasons.protocol import BrokenExchange
from lotor.wire.v2.chain import Chain
from lotor.wire.v2.numbers import ExchangeType, NotifyType
from lotor.wire.v2.payloads import KeyExchange, Notification

FOLLOWUP = ExchangeType.IKE_FOLLOWUP_KE

LINK_OCTETS = 16


@frozen
class Pending:
    """A renewal that the peer began, as far as it is. `link`: what its next request must show. `parts.more` has what
    was agreed on so far."""

    suite: Ike2Suite
    parts: Parts = field(repr=False)
    link: bytes

    @property
    def due(self) -> Group | None:
        """The group of the next exchange; None when all are done."""
        left = self.suite.more[len(self.parts.more) :]
        return left[0] if left else None

    def grown(self, shared: bytes, link: bytes) -> Pending:
        return replace(self, parts=replace(self.parts, more=(*self.parts.more, shared)), link=link)


# --- initiator -------------------------------------------------------------------------------------------------------


def initiator(session: V2Session, suite: Ike2Suite, parts: Parts, chain: Chain) -> Story[Parts]:
    """What the keys are made of, once all key exchanges are done that the suite has. `chain`: the response of
    CREATE_CHILD_SA."""
    for group in suite.more:
        link = _link(chain)
        if link is None:
            raise PeerFault(
                BrokenExchange(FOLLOWUP.name, "the peer does not say what its key exchanges belong to"), None
            )
        pair = session.context.randomness.key_pair(group)
        response = yield from request(
            FOLLOWUP, KeyExchange(group, pair.public), Notification(NotifyType.ADDITIONAL_KEY_EXCHANGE, link)
        )
        chain = response.chain
        create_child.demand_success(session, chain)
        shared = yield from init.agree(session, pair, init.exchanged(chain, group))
        parts = replace(parts, more=(*parts.more, shared))
    return parts


# --- responder -------------------------------------------------------------------------------------------------------


def opened(session: V2Session, suite: Ike2Suite, parts: Parts) -> Payloads:
    """What the response of CREATE_CHILD_SA says of the exchanges that follow. One renewal is kept: a peer that begins
    another one has given that up."""
    link = session.context.randomness.nonce(LINK_OCTETS)
    session.work.pending = Pending(suite, parts, link)
    return (Notification(NotifyType.ADDITIONAL_KEY_EXCHANGE, link),)


def responder(session: V2Session, message: Message) -> Story[tuple[Payloads, Pending | None]]:
    """The response, and the renewal once all its key exchanges are done. An exchange that fails ends the renewal; one
    that shows another link does not."""
    pending = _named(session, message.chain)
    group = pending.due if pending is not None else None
    if pending is None or group is None:
        return (Notification(NotifyType.STATE_NOT_FOUND),), None
    session.work.pending = None
    public = init.exchanged(message.chain, group)
    init.demand_public(session, group, public)
    pair = session.context.randomness.answering_pair(group, public)
    shared = yield from init.agree(session, pair, public)
    grown = pending.grown(shared, session.context.randomness.nonce(LINK_OCTETS))
    answer = KeyExchange(group, pair.public)
    if grown.due is None:
        return (answer,), grown
    session.work.pending = grown
    return (answer, Notification(NotifyType.ADDITIONAL_KEY_EXCHANGE, grown.link)), None


def _named(session: V2Session, chain: Chain) -> Pending | None:
    pending: Pending | None = session.work.pending
    return pending if pending is not None and _link(chain) == pending.link else None


# --- both ------------------------------------------------------------------------------------------------------------


def _link(chain: Chain) -> bytes | None:
    return next(
        (each.data for each in chain.all(Notification) if each.type == NotifyType.ADDITIONAL_KEY_EXCHANGE), None
    )
