"""Logins by EAP: what a back end is asked that a name and a password do not answer, and what it says."""

from __future__ import annotations

from dataclasses import field

from lotor.model.frozen import frozen
from lotor.model.grants import NO_GRANTS, Grants
from lotor.model.login import (
    Accepted,
    Challenge,
    EapPacket,
    LoginAttempt,
    MschapResponse,
    Proved,
    Refused,
    Verdict,
)
from lotor.model.network import Address, Peer
from lotor.model.reasons.logins import BackEndFault
from lotor.model.secret import Secret

LONGEST_EAP = 4096
"""Octets of an EAP packet: methods with certificates cut theirs into pieces of some 1,000 (RFC 5216 §2.1.5), and RADIUS
carries no more in one packet (RFC 2865 §3)."""
MSK_OCTETS = 64
"""Octets of a Master Session Key (RFC 3748 §7.10)."""
MSCHAP_CHALLENGE, MSCHAP_RESPONSE, MSCHAP_AUTHENTICATOR = 16, 24, 20
"""Octets of a challenge of either end, of an NT-Response, and of what answers it (RFC 2759 §8)."""


@frozen
class MschapAttempt:
    """A response to a challenge of MSCHAPv2 (RFC 2759 §8): who says it, `user` as the client wrote it, a domain before
    it included; both challenges of 16 octets, and the 24 octets of the NT-Response. `gateway` as in `LoginAttempt`."""

    user: str
    challenge: bytes
    peer_challenge: bytes
    response: bytes = field(repr=False)
    source: Peer
    gateway: Address | None = None


@frozen
class MschapAccepted:
    """`user` is the name for accounting. `authenticator`: the 20 octets that prove to the client that this end knows
    the password, too (RFC 2759 §8.7). `msk`: 64 octets (RFC 3079 §3, filled with zeros)."""

    user: str
    authenticator: bytes = field(repr=False)
    msk: Secret
    grants: Grants = NO_GRANTS


@frozen
class EapAttempt:
    """One packet of EAP that a client sent, for a server that speaks with the client itself (RFC 3579). `user`: the
    identity that the client gave. `conversation` is what the last `EapRequest` carried, empty in the first round.
    `gateway` as in `LoginAttempt`."""

    user: str
    packet: bytes = field(repr=False)
    source: Peer
    conversation: bytes = b""
    gateway: Address | None = None


@frozen
class EapRequest:
    """The server's next packet, and its ticket for the next round."""

    packet: bytes = field(repr=False)
    conversation: bytes


@frozen
class EapAccepted:
    """`packet` is EAP-Success. `user` is the name for accounting, the server's where it names one. `msk`: 64 octets,
    empty for a method that makes none."""

    user: str
    packet: bytes = field(repr=False)
    msk: Secret
    grants: Grants = NO_GRANTS


@frozen
class EapRefused:
    """`packet` is EAP-Failure, or empty where the server sent none; `refused` is for this end."""

    packet: bytes = field(repr=False)
    refused: Refused


MschapVerdict = MschapAccepted | Refused
EapVerdict = EapRequest | EapAccepted | EapRefused

REQUEST, RESPONSE, SUCCESS, FAILURE = 1, 2, 3, 4
"""Codes of packets of EAP (RFC 3748 §4)."""
END_OCTETS = 4
"""Octets of EAP-Success and EAP-Failure: code, identifier and length; others have their type behind it."""


def is_packet(code: int, octets: bytes) -> bool:
    """Whether it is one packet of EAP of that code, of a bearable length and of the one that it says (RFC 3748 §4); for
    those who pass packets on and do not read them."""
    typed = code in {REQUEST, RESPONSE}
    least, most = (END_OCTETS + 1, LONGEST_EAP) if typed else (END_OCTETS, END_OCTETS)
    return least <= len(octets) <= most and octets[0] == code and len(octets) == int.from_bytes(octets[2:4])


def without_domain(user: str) -> str:
    """The name that a response of MSCHAPv2 is made with: `alice` of `EXAMPLE\\alice` (RFC 2759 §4)."""
    return user.rpartition("\\")[2]


def login_of(attempt: MschapAttempt | EapAttempt) -> LoginAttempt:
    """As a round of a login, which only IKEv2 has so. In MSCHAPv2 a domain before the name is none of it (RFC 2759
    §8.2)."""
    if isinstance(attempt, MschapAttempt):
        user = without_domain(attempt.user)
        shown = MschapResponse(attempt.challenge, attempt.peer_challenge, attempt.response)
        return LoginAttempt(user, (), attempt.source, gateway=attempt.gateway, shown=shown, ike=2)
    said, here = EapPacket(attempt.packet), attempt.gateway
    return LoginAttempt(attempt.user, (), attempt.source, attempt.conversation, gateway=here, shown=said, ike=2)


def mschap_verdict(user: str, verdict: Verdict) -> MschapVerdict:
    match verdict:
        case Accepted(name, grants, Proved(msk, authenticator)) if authenticator:
            return MschapAccepted(name, authenticator, msk, grants)
        case Refused():
            return verdict
    return Refused(BackEndFault(user, "what was said to MSCHAPv2 is no answer to it"))


def eap_verdict(user: str, verdict: Verdict) -> EapVerdict:
    match verdict:
        case Accepted(name, grants, Proved(msk, _, packet)) if packet:
            return EapAccepted(name, packet, msk, grants)
        case Challenge(packet=packet, conversation=conversation) if packet:
            return EapRequest(packet, conversation)
        case Refused(_, packet):
            return EapRefused(packet, Refused(verdict.reason))
    return EapRefused(b"", Refused(BackEndFault(user, "what was said to EAP is no answer to it")))
