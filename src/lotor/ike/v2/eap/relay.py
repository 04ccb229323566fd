"""EAP that a RADIUS server speaks with the client itself: packets pass as they are (RFC 3579)."""

from __future__ import annotations

from typing import NoReturn

from lotor.ike.questions import RelayEap
from lotor.ike.v2.eap.talk import MOST_PACKETS, Proved, Talk, broken
from lotor.ike.v2.story import Story, ask
from lotor.model.eap import EapAccepted, EapAttempt, EapRefused, EapRequest, is_packet
from lotor.model.reasons.logins import BackEndFault, LoginReason, NoVerdict
from lotor.model.reasons.proofs import NoCommonMethod
from lotor.wire.eap.packet import FIRST_METHOD, MOST_WISHES, Code, Packet, Type, method_name

KEYLESS = frozenset({Type.IDENTITY, Type.MD5, Type.OTP, Type.GTC})
"""Methods that make no keys (RFC 3748 §5), and a yes without any method. A yes after any other one must bring some."""


def gateway(talk: Talk, user: str) -> Story[Proved | Packet]:
    """The server hears the identity first, as if it had asked for it. Its verdict is the only one, and who logged in is
    who it says."""
    said = Packet(Code.RESPONSE, talk.identifier, Type.IDENTITY, user.encode()).encode()
    conversation, method, offered = b"", int(Type.IDENTITY), list[str]()
    talk.tell_round(1)
    for _ in range(MOST_PACKETS):
        verdict = yield from _relay(talk, user, said, conversation)
        if isinstance(verdict, EapAccepted):
            return _proved(talk, verdict) if verdict.msk.reveal() or method in KEYLESS else _keyless(talk, user)
        if isinstance(verdict, EapRefused):
            _demand_method(talk, user, said, offered)
            return _refuse(talk, verdict.refused.reason.but(user=verdict.refused.reason.user or user), verdict.packet)
        if not is_packet(Code.REQUEST, verdict.packet):
            return _refuse(talk, BackEndFault(user, "the server's packet of EAP is no request"))
        talk.identifier, conversation = verdict.packet[1], verdict.conversation
        method = verdict.packet[4] if verdict.packet[4] >= FIRST_METHOD else method
        offered.append(method_name(method))
        said = _response((yield from talk.exchange(verdict.packet)))
    return _refuse(talk, NoVerdict(user, MOST_PACKETS))


def _demand_method(talk: Talk, user: str, said: bytes, offered: list[str]) -> None:
    """A server that refuses a client which has refused its method has judged nobody: both ends hear of the methods."""
    last = Packet.decode(said)
    if last.type == Type.NAK:
        wanted = ", ".join(method_name(each) for each in last.data[:MOST_WISHES] if each) or "nothing"
        reason = NoCommonMethod(wanted, f"a RADIUS server that asks for {', '.join(dict.fromkeys(offered))}")
        talk.tell_refusal(user, reason)
        talk.deny(reason)


def _keyless(talk: Talk, user: str) -> NoReturn:
    """Without its keys nothing ties a method to this IKE SA: somebody in the middle could have relayed it."""
    _refuse(talk, BackEndFault(user, "the server says yes without the keys that its method makes (MS-MPPE)"))


def _proved(talk: Talk, verdict: EapAccepted) -> Proved:
    """The client gets a success of ours where the server's is none."""
    packet = verdict.packet if is_packet(Code.SUCCESS, verdict.packet) else talk.success()
    return Proved(verdict.user, verdict.msk, packet, verdict.grants)


def _refuse(talk: Talk, reason: LoginReason, packet: bytes = b"") -> NoReturn:
    talk.tell_refusal(reason.user, reason)
    talk.deny(reason, packet if is_packet(Code.FAILURE, packet) else b"")


def _relay(talk: Talk, user: str, said: bytes, conversation: bytes) -> Story[EapRequest | EapAccepted | EapRefused]:
    session, here = talk.session, talk.session.path.local.address
    attempt = EapAttempt(user, said, session.path.remote, conversation, gateway=here)
    return (yield from ask(RelayEap(session.id, attempt, session.registry.continues(session, user).id)))


def _response(octets: bytes) -> bytes:
    """What a client said, if it is a response of a bearable length: the server judges everything else."""
    if not is_packet(Code.RESPONSE, octets):
        raise broken(f"a packet of {len(octets)} octets that is no response")
    return octets
