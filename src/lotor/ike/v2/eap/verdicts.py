"""What a gateway's answer to IKE_AUTH says against the client: error notifications, and the words of our own kind."""

from __future__ import annotations

from collections.abc import Mapping

from lotor.ike.v2.message import Message
from lotor.ike.v2.session import V2Session
from lotor.model.reason import Cause, Reason
from lotor.model.reasons.catalogue import called
from lotor.model.reasons.logins import ConnectedElsewhere, NoAddressThere, RefusedThere, RefusedWithWords, UnjudgedThere
from lotor.model.reasons.proofs import PpkRefused
from lotor.model.reasons.protocol import Disbelieved, RefusedByGateway
from lotor.model.text import clean
from lotor.wire.v2.chain import Chain
from lotor.wire.v2.numbers import NotifyType, error_name
from lotor.wire.v2.payloads import Authentication, Eap, Notification

LONGEST_CODE = 64

OF_CHILD = frozenset(
    {
        NotifyType.NO_PROPOSAL_CHOSEN,
        NotifyType.SINGLE_PAIR_REQUIRED,
        NotifyType.NO_ADDITIONAL_SAS,
        NotifyType.INTERNAL_ADDRESS_FAILURE,
        NotifyType.FAILED_CP_REQUIRED,
        NotifyType.TS_UNACCEPTABLE,
        NotifyType.TEMPORARY_FAILURE,
    }
)
"""Errors that stand beside a good AUTH: the IKE SA is up, and has no SA pair (RFC 7296 §1.2)."""


def refusal_of(session: V2Session, message: Message) -> Reason | None:
    """Why the gateway ends it; None where it does not. Errors of an SA pair beside AUTH are no such end, and what
    stands beside a packet of EAP only explains its failure."""
    beside = message.chain.first(Authentication) is not None
    said = words(session, message.chain) if not beside else None
    if said is not None or message.chain.first(Eap) is not None:
        return said
    ends = [each.type for each in message.chain.errors if not beside or each.type not in OF_CHILD]
    return _reason(session, ends[0]) if ends else None


def _reason(session: V2Session, number: int) -> Reason:
    gateway = session.path.remote.address
    if number == NotifyType.AUTHENTICATION_FAILED:
        if session.ppk is not None:
            return PpkRefused(gateway, session.ppk)
        return RefusedThere(gateway, session.user) if session.user else Disbelieved(gateway)
    return RefusedByGateway(gateway, error_name(number), ", ".join(map(str, session.terms.proposals)))


def words(session: V2Session, chain: Chain) -> Reason | None:
    """Of a gateway of ours: the kind tells what became of the login, the words are for the person. Only one that has
    proved itself has anything to say."""
    notes = (each.data for each in chain.all(Notification) if each.type == NotifyType.LOTOR_REASON)
    data = next(notes, None)
    if data is None or not session.established:
        return None
    code, _, text = data.partition(b"\0")
    kind = called(clean(code, longest=LONGEST_CODE))
    refused = _HEARD.get(kind.cause, RefusedWithWords) if kind is not None else RefusedWithWords
    return refused(session.path.remote.address, clean(text))


_HEARD: Mapping[Cause, type[RefusedWithWords]] = {
    Cause.ALREADY_CONNECTED: ConnectedElsewhere,
    Cause.NOT_JUDGED: UnjudgedThere,
    Cause.POOL_EXHAUSTED: NoAddressThere,
}
