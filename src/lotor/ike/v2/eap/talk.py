"""A gateway's side of a conversation by EAP: requests in responses of IKE_AUTH, and what a method comes to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NoReturn

from lotor.ike.errors import PeerFault
from lotor.ike.events import LoginRefused, LoginRound, Names
from lotor.ike.v2.denied import Denied
from lotor.ike.v2.session import V2Session
from lotor.ike.v2.story import Payloads, Story, reply
from lotor.model.frozen import frozen
from lotor.model.grants import NO_GRANTS, Grants
from lotor.model.prompt import Field
from lotor.model.reason import Reason
from lotor.model.reasons.proofs import EapBroken
from lotor.model.secret import Secret
from lotor.wire.eap import packet
from lotor.wire.eap.packet import Packet
from lotor.wire.v2.numbers import NotifyType
from lotor.wire.v2.payloads import Eap, Notification

MOST_PACKETS = 64
"""Of one login, at either end: methods with certificates need some twenty."""
MOST_ROUNDS = 3
"""Prompts of one login, at either end: a rogue gateway would go on asking."""


@frozen
class Proved:
    """A back end's yes. `user` is the name for accounting. `msk`: empty for a method that makes none. `packet` is
    EAP-Success."""

    user: str
    msk: Secret
    packet: bytes
    grants: Grants = NO_GRANTS


@dataclass(slots=True)
class Talk:
    """`opening` goes with the first request. `identifier`: of the last one; each has another, and none is 0, since some
    clients do not answer that."""

    session: V2Session
    opening: Payloads = field(default=(), repr=False)
    identifier: int = 0

    def following(self) -> int:
        """The identifier of the next request."""
        return self.identifier % 255 + 1

    def ask(self, type_: int, data: bytes = b"") -> Story[Packet]:
        """A request of this end; returns what answers it, which may be a refusal of the method."""
        self.identifier = self.following()
        asked = packet.request(self.identifier, type_, data)
        answer = Packet.decode((yield from self.exchange(asked.encode())))
        if not answer.answers(asked):
            raise broken(f"type {answer.type} with identifier {answer.identifier} does not answer what was asked")
        return answer

    def exchange(self, octets: bytes) -> Story[bytes]:
        """Sends a packet as it is; returns the client's next one."""
        opening, self.opening = self.opening, ()
        message = yield from reply(*opening, Eap(octets))
        return message.chain.only(Eap).packet

    def success(self) -> bytes:
        return packet.success(self.identifier).encode()

    def tell_round(self, turn: int, *wants: Field) -> None:
        self.session.context.tell(LoginRound(self.session.id, turn, Names(field.value for field in wants)))

    def tell_refusal(self, user: str, reason: Reason) -> None:
        """Before the client hears of it, who may not answer any more."""
        session = self.session
        session.refused = reason
        session.context.tell(LoginRefused(session.id, user, reason, session.path.remote))

    def deny(self, reason: Reason, octets: bytes = b"") -> NoReturn:
        """Ends with EAP-Failure, that of a server where there is one."""
        failure = octets or packet.failure(self.identifier).encode()
        opening, self.opening = self.opening, ()
        raise Denied(reason, *opening, Eap(failure), *told(reason))


def told(reason: Reason) -> Payloads:
    """The refusal with its kind and its words for the person, for clients that know our kinds; others skip it."""
    if not reason.message:
        return ()
    return (Notification(NotifyType.LOTOR_REASON, f"{reason.kind.value}\0{reason.message}".encode()),)


def broken(detail: str) -> PeerFault:
    """A packet that does not belong there: the login cannot go on."""
    return PeerFault(EapBroken(detail), NotifyType.AUTHENTICATION_FAILED)
