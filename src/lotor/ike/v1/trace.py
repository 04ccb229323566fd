"""Events that trace phase 1, for explaining an attempt later: the offers, the choice, what the peer proved."""

from __future__ import annotations

from lotor.ike import identities
from lotor.ike.effects import Disclose
from lotor.ike.events import NOT_TOLD, Chosen, Judged, Names, Offered
from lotor.ike.v1.keymat import PhaseOneKeys
from lotor.ike.v1.session import V1Session
from lotor.model.algorithms import IkeSuite
from lotor.model.identity import Identity
from lotor.model.reason import Reason
from lotor.wire.v1.association import SecurityAssociation
from lotor.wire.v1.chain import Chain
from lotor.wire.v1.numbers import Protocol
from lotor.wire.v1.payloads import Identification, Nonce, Payload, VendorId
from lotor.wire.v1.proposals import read_ike
from lotor.wire.v1.vendors import recognise

MOST_OFFERS = 32
MOST_VENDORS = 24


def heard_offer(session: V1Session, mode: str, message1: Chain) -> None:
    """The initiator's first message, as it was received."""
    offered(session, mode, *(received.value for received in message1.payloads))


def offered(session: V1Session, mode: str, *message: Payload) -> None:
    """The initiator's first message, sent by this end or the peer."""
    offers: list[str] = []
    identity, nonce = NOT_TOLD, 0
    for payload in message:
        match payload:
            case SecurityAssociation():
                offers += _offers(payload)
            case Identification():
                identity = identities.text(payload.identity)
            case Nonce():
                nonce = len(payload.data)
    session.context.tell(Offered(session.id, mode, Names(offers), _vendors(message), identity, nonce))


def _offers(sa: SecurityAssociation) -> list[str]:
    proposals = [each for each in sa.proposals if each.protocol == Protocol.ISAKMP]
    transforms = [each for proposal in proposals for each in proposal.transforms]
    return [str(words) for words in dict.fromkeys(read_ike(each).words for each in transforms[:MOST_OFFERS])]


def _vendors(message: tuple[Payload, ...]) -> Names:
    """Vendor ids by name where they are known, else as octets."""
    return Names([vendor(each.data) for each in message if isinstance(each, VendorId)][:MOST_VENDORS])


def vendor(data: bytes) -> str:
    """One vendor id as a word."""
    known = recognise(data)
    return known.name.lower() if known is not None else data[:20].hex()


def chosen(session: V1Session, suite: IkeSuite, answer: Chain | None = None) -> None:
    """`answer` is the responder's message, None where this end is the responder."""
    announced = Names() if answer is None else _vendors(answer.all(VendorId))
    session.context.tell(Chosen(session.id, str(suite), suite.method.value, announced))


def keyed(session: V1Session, keys: PhaseOneKeys) -> None:
    """For a capture only: see `Disclose`."""
    if session.context.discloses:
        session.context.put(Disclose(session.spis.initiator, keys.ka))


def judged(session: V1Session, peer: Identity, verdict: str | Reason) -> None:
    """`verdict`: why the proof was not accepted, or what it proves."""
    session.context.tell(Judged(session.id, identities.text(peer), verdict))
