"""INFORMATIONAL, as it is answered: deletes, questions for life, addresses, errors (RFC 7296 §1.4)."""

from __future__ import annotations

from lotor.ike.v2 import mobike
from lotor.ike.v2.message import Message
from lotor.ike.v2.session import V2Session
from lotor.ike.v2.story import Payloads, Story
from lotor.wire.v2.chain import Chain
from lotor.wire.v2.numbers import NotifyType, Protocol
from lotor.wire.v2.payloads import Delete, Notification

_FATAL = frozenset({NotifyType.AUTHENTICATION_FAILED, NotifyType.INVALID_SYNTAX})
"""Errors with which the peer has ended the IKE SA (RFC 7296 §2.21)."""


def responder(session: V2Session, message: Message) -> Story[Payloads]:
    """A delete of the IKE SA has an empty response, whatever else it comes with (RFC 7296 §1.4.1)."""
    yield from ()
    chain = message.chain
    if deletes_ike(chain):
        return ()
    if mobike.updates(chain) and mobike.unexpected(message):
        return (Notification(NotifyType.UNEXPECTED_NAT_DETECTED),)
    return *mobike.answered(session, message), *_deleted_as_well(session, chain)


def deletes_ike(chain: Chain) -> bool:
    return any(each.protocol == Protocol.IKE for each in chain.all(Delete))


def _deleted_as_well(session: V2Session, chain: Chain) -> Payloads:
    """The other directions of the pairs that the peer deletes. What this end is deleting itself is not said again."""
    pairs = (session.current().children.by_outbound(spi) for spi in spis(chain))
    others = {
        pair.child.inbound.spi.to_bytes(4, "big"): None for pair in pairs if pair is not None and not pair.deleted
    }
    return (Delete(Protocol.ESP, tuple(others)),) if others else ()


def spis(chain: Chain) -> tuple[int, ...]:
    deletes = (each for each in chain.all(Delete) if each.protocol == Protocol.ESP)
    return tuple(dict.fromkeys(int.from_bytes(spi, "big") for each in deletes for spi in each.spis))


def error(chain: Chain) -> int | None:
    return next((each.type for each in chain.all(Notification) if each.type in _FATAL), None)
