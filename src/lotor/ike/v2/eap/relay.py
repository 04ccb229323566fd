"""EAP that a RADIUS server speaks with the client itself: packets pass as they are (RFC 3579)."""

from __future__ import annotations

from lotor.ike.questions import RelayEap
from lotor.ike.v2.eap.talk import Proved, Talk, broken
from lotor.ike.v2.story import Story, ask
from lotor.model.eap import LONGEST_EAP, EapAccepted, EapAttempt, EapRefused, EapRequest
from lotor.model.reasons.logins import NoVerdict
from lotor.wire.eap.packet import Code, Packet, Type

MOST_PACKETS = 64
"""Of one login: methods with certificates need some twenty."""


def gateway(talk: Talk, user: str) -> Story[Proved | Packet]:
    """The server hears the identity first, as if it had asked for it. Its verdict is the only one, and who logged in is
    who it says."""
    said = Packet(Code.RESPONSE, talk.identifier, Type.IDENTITY, user.encode()).encode()
    conversation = b""
    talk.tell_round(1)
    for _ in range(MOST_PACKETS):
        verdict = yield from _relay(talk, user, said, conversation)
        if isinstance(verdict, EapAccepted):
            return Proved(verdict.user, verdict.msk, verdict.packet, verdict.grants)
        if isinstance(verdict, EapRefused):
            talk.tell_refusal(verdict.refused.reason.user or user, verdict.refused.reason)
            talk.deny(verdict.refused.reason, verdict.packet)
        talk.identifier, conversation = verdict.packet[1], verdict.conversation
        said = _response((yield from talk.exchange(verdict.packet)))
    reason = NoVerdict(user, MOST_PACKETS)
    talk.tell_refusal(user, reason)
    return talk.deny(reason)


def _relay(talk: Talk, user: str, said: bytes, conversation: bytes) -> Story[EapRequest | EapAccepted | EapRefused]:
    session, here = talk.session, talk.session.path.local.address
    attempt = EapAttempt(user, said, session.path.remote, conversation, gateway=here)
    return (yield from ask(RelayEap(session.id, attempt, session.registry.continues(session, user).id)))


def _response(octets: bytes) -> bytes:
    """What a client said, if it is a response of a bearable length: the server judges everything else."""
    if not 5 <= len(octets) <= LONGEST_EAP or octets[0] != Code.RESPONSE:
        raise broken(f"a packet of {len(octets)} octets that is no response")
    return octets
