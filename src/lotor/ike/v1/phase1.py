"""What the modes of phase 1 share: our offer, the values of both sides, and the Diffie-Hellman agreement."""

from __future__ import annotations

from lotor.crypto.groups import check_public
from lotor.ike.errors import PeerFault
from lotor.ike.questions import Agree
from lotor.ike.randomness import KeyPair
from lotor.ike.v1.keymat import Phase1Values
from lotor.ike.v1.session import V1Session
from lotor.ike.v1.story import Story, ask
from lotor.model.algorithms import Group
from lotor.model.frozen import frozen
from lotor.model.judgement import Failure
from lotor.model.policy import Switch
from lotor.model.reasons.protocol import UnusablePublic
from lotor.wire.v1.association import Proposal, SecurityAssociation
from lotor.wire.v1.chain import Chain, build_chain, parse_chain
from lotor.wire.v1.numbers import NotifyType, Protocol
from lotor.wire.v1.payloads import KeyExchange, Nonce, Payload
from lotor.wire.v1.proposals import ike_transform
from lotor.wire.v1.vendors import Vendor


def offer(session: V1Session) -> SecurityAssociation:
    """All our proposals as transforms of one proposal, numbered from 1."""
    transforms = tuple(ike_transform(number, suite) for number, suite in enumerate(session.remote.proposals, 1))
    return SecurityAssociation((Proposal(1, Protocol.ISAKMP, b"", transforms),))


def body(payload: Payload) -> bytes:
    """The octets of a payload without its generic header, as hashes cover them."""
    return parse_chain(*build_chain([payload])).payloads[0].body


@frozen
class Ours:
    """Our ephemeral values: a key pair and a nonce."""

    dh: KeyPair
    nonce: bytes

    def payloads(self) -> tuple[KeyExchange, Nonce]:
        return KeyExchange(self.dh.public), Nonce(self.nonce)


def both_values(session: V1Session, ours: Ours, theirs: Chain, sa_b: bytes) -> Phase1Values:
    """Both sides' values in the order of their roles. `theirs` is the message with the peer's KE and nonce."""
    public, nonce = theirs.only(KeyExchange).data, theirs.only(Nonce).data
    mine, peers = (ours.dh.public, ours.nonce), (public, nonce)
    (g_xi, ni_b), (g_xr, nr_b) = (mine, peers) if session.initiator else (peers, mine)
    return Phase1Values(session.spis.initiator, session.spis.responder, g_xi, g_xr, ni_b, nr_b, sa_b)


def demand_public(session: V1Session, group: Group, chain: Chain) -> None:
    """Checks that the peer's public value is one of the group, before a key pair of ours is made for it."""
    try:
        check_public(group, chain.only(KeyExchange).data)
    except ValueError as fault:
        raise _unusable(session, str(fault)) from None


def agree(session: V1Session, dh: KeyPair, chain: Chain) -> Story[bytes]:
    """g^xy. A peer whose public value is out of range or of the wrong length is told so."""
    answer = yield from ask(Agree(dh, chain.only(KeyExchange).data))
    if isinstance(answer, Failure):
        raise _unusable(session, answer.reason.text)
    return answer.reveal()


def _unusable(session: V1Session, why: str) -> PeerFault:
    return PeerFault(UnusablePublic(str(session.path.remote), why), NotifyType.INVALID_KEY_INFORMATION)


def may_fragment(session: V1Session, vendors: frozenset[Vendor]) -> bool:
    """Cisco IKE fragmentation goes to peers that announced it; `ike_frag off` never sends any."""
    return session.remote.ike_frag is not Switch.OFF and Vendor.FRAGMENTATION in vendors
