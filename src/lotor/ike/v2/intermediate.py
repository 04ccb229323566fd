"""IKE_INTERMEDIATE, in both roles: additional key exchanges between IKE_SA_INIT and IKE_AUTH (RFC 9242, RFC 9370).

Each of them makes new keys, and AUTH covers them all: whoever changed one in between is found there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lotor.crypto.hashes import size
from lotor.ike.errors import Misplaced
from lotor.ike.v2 import init, keys
from lotor.ike.v2.keys import Intermediates
from lotor.ike.v2.message import Message
from lotor.ike.v2.sa import IkeSa
from lotor.ike.v2.session import V2Session
from lotor.ike.v2.story import Payloads, Story, request
from lotor.model.algorithms import Group
from lotor.wire.v2.chain import build_chain
from lotor.wire.v2.numbers import ExchangeType
from lotor.wire.v2.payloads import KeyExchange

INTERMEDIATE = ExchangeType.IKE_INTERMEDIATE
_NUMBER = 4
"""Octets of the message id that ends IntAuth."""


def made(sa: IkeSa) -> int:
    """How many additional key exchanges are done: each was an exchange of its own, from message id 1 on."""
    return int.from_bytes(sa.intermediate[-_NUMBER:], "big") - 1 if sa.intermediate else 0


def owed(session: V2Session) -> Group | None:
    """The group of the next one; None when all are done."""
    left = session.ike_sa.suite.more[made(session.ike_sa) :]
    return left[0] if left else None


def initiator(session: V2Session) -> Story[None]:
    """Ends when all key exchanges are done that the suite has."""
    while (group := owed(session)) is not None:
        sa, pair = session.ike_sa, session.context.randomness.key_pair(group)
        payload, number = KeyExchange(group, pair.public), session.exchanges.ours.following
        covered = _sent(session, (payload,), number, response=False)
        response = yield from request(INTERMEDIATE, payload)
        shared = yield from init.agree(session, pair, init.exchanged(response.chain, group))
        session.use(_grown(sa, shared, (covered, response.octets), number))


def responder(session: V2Session, message: Message, keep: Callable[[IkeSa], None]) -> Story[Payloads]:
    """`keep` gets the SA with the new keys: they count once the response is sent, which the old ones protect."""
    sa, group = session.ike_sa, owed(session)
    if group is None:
        raise Misplaced("all key exchanges are done")
    theirs, number = init.exchanged(message.chain, group), message.header.message_id
    init.demand_public(session, group, theirs)
    pair = session.context.randomness.answering_pair(group, theirs)
    shared = yield from init.agree(session, pair, theirs)
    payload = KeyExchange(group, pair.public)
    covered = _sent(session, (payload,), number, response=True)
    keep(_grown(sa, shared, (message.octets, covered), number))
    return (payload,)


def _sent(session: V2Session, payloads: Payloads, number: int, *, response: bool) -> bytes:
    """What IntAuth covers of a message of this end, in the form of `Message.octets`."""
    first, content = build_chain(payloads)
    return session.header(INTERMEDIATE, number, response=response).encode(0) + bytes([first]) + content


def _grown(sa: IkeSa, shared: bytes, messages: tuple[bytes, bytes], number: int) -> IkeSa:
    """The SA after one more exchange. `messages`: of initiator and responder."""
    octets = size(sa.prf)
    before = Intermediates(sa.intermediate[:octets], sa.intermediate[octets:-_NUMBER])
    for covered, initiator_ in zip(messages, (True, False), strict=True):
        header, first, content = covered[:28], covered[28], covered[29:]
        before = before.followed(sa, header, first, content, initiator=initiator_)
    made_keys = keys.further(sa.suite, sa.keys, keys.Parts(sa.ni, sa.nr, *_spis(messages[0]), shared))
    return replace(sa, keys=made_keys, intermediate=before.whole(number + 1))


def _spis(message: bytes) -> tuple[bytes, bytes]:
    """Of the header that every message begins with."""
    return message[:8], message[8:16]
