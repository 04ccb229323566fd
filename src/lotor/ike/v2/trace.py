"""Events that trace IKE_SA_INIT, for explaining an attempt later: what was offered, announced and chosen."""

from __future__ import annotations

from collections.abc import Iterable

from lotor.ike.events import NOT_TOLD, Chosen, Names, Offered
from lotor.ike.v2.session import V2Session
from lotor.model.algorithms import Ike2Suite
from lotor.wire.v2.association import SecurityAssociation
from lotor.wire.v2.chain import Chain
from lotor.wire.v2.numbers import ExchangeType, NotifyType, Protocol
from lotor.wire.v2.payloads import Nonce, Notification, Payload, VendorId
from lotor.wire.v2.proposals import read_ike

MOST_OFFERS = 32
MOST_VENDORS = 24
_INIT = ExchangeType.IKE_SA_INIT.name
_ANNOUNCED = {int(kind): kind.name.lower() for kind in NotifyType}


def offered(session: V2Session, message: Iterable[Payload]) -> None:
    """The initiator's first message, sent by this end or the peer."""
    payloads = tuple(message)
    proposals = [each for sa in payloads if isinstance(sa, SecurityAssociation) for each in sa.proposals]
    words = dict.fromkeys(str(read_ike(each)) for each in proposals[:MOST_OFFERS] if each.protocol == Protocol.IKE)
    nonce = next((len(each.data) for each in payloads if isinstance(each, Nonce)), 0)
    session.context.tell(Offered(session.id, _INIT, Names(words), Names(announced(payloads)), NOT_TOLD, nonce))


def chosen(session: V2Session, suite: Ike2Suite, answer: Chain | None = None, exchange: str = _INIT) -> None:
    """`answer` is the responder's message, None where this end is the responder."""
    said = announced(each.value for each in answer.payloads) if answer is not None else ()
    session.context.tell(Chosen(session.id, str(suite), exchange, Names(said)))


def announced(payloads: Iterable[Payload]) -> list[str]:
    """Vendor ids as octets, and the names of the notifications that announce something."""
    found = list[str]()
    for payload in payloads:
        if isinstance(payload, VendorId):
            found.append(payload.data[:20].hex())
        elif isinstance(payload, Notification) and (name := _ANNOUNCED.get(payload.type)) is not None:
            found.append(name)
    return list(dict.fromkeys(found))[:MOST_VENDORS]
