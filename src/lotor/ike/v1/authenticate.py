"""How each side proves itself in phase 1, by the negotiated method: a signature with certificates, or a keyed hash.

`AuthMethod` says who signs. The modes ask here what to send and what to believe.
"""

from __future__ import annotations

import hmac
from dataclasses import field, replace

from lotor.crypto import hashes
from lotor.ike.errors import LocalFault, Misplaced, PolicyRefusal, Unproved
from lotor.ike.events import Dropped
from lotor.ike.questions import DeriveSkeyid, JudgePeer, Sign
from lotor.ike.v1 import keymat, riders, select, trace
from lotor.ike.v1.keymat import Phase1Values, PhaseOneKeys
from lotor.ike.v1.session import V1Session
from lotor.ike.v1.story import Proof, Story, ask
from lotor.model.algorithms import SIGNATURE_HASHES, IkeSuite
from lotor.model.frozen import frozen
from lotor.model.identity import Identity
from lotor.model.judgement import Failure, Feigned, PeerProof, PhaseOneHash, PskRequest, SignedHash, Trusted
from lotor.model.reasons.protocol import NoXauth, OtherKey
from lotor.model.secret import Secret
from lotor.wire.v1.chain import Chain
from lotor.wire.v1.numbers import NotifyType
from lotor.wire.v1.numbers import PayloadType as P
from lotor.wire.v1.payloads import Certificate, HashPayload, Identification, SignaturePayload
from lotor.wire.v1.vendors import Vendor

PROOF = (P.CERTIFICATE, P.SIGNATURE, P.HASH)
"""The payloads that may prove somebody, in their order."""

ONLY_LOGIN = "in hybrid authentication only the login says who this is"
UNPROVED = f"nothing is proved yet: {ONLY_LOGIN}"
KEY_FITS = "it holds the pre-shared key"

Proving = Certificate | SignaturePayload | HashPayload


@frozen
class Parties:
    """Both sides once keys are derived: their values, and the identity payloads as sent (IDii_b and IDir_b). `peers`
    is None in main mode, where the identity comes with the proof. `g_xy` is what a signer derives SKEYID from."""

    session: V1Session
    suite: IkeSuite
    values: Phase1Values
    keys: PhaseOneKeys
    g_xy: Secret
    mine: bytes
    peers: bytes | None = None

    def hash_of(self, *, initiator: bool, peers: bytes | None = None) -> bytes:
        """HASH_I or HASH_R; `peers` is the peer's identity payload where it is not known yet."""
        return hashes.phase_one(self.made_of(initiator=initiator, peers=peers))

    def made_of(self, *, initiator: bool, peers: bytes | None = None) -> PhaseOneHash:
        """The input of that hash. A signature that is tied to a hash function uses that function (RFC 2409 §5.1)."""
        body = self.mine if initiator is self.session.initiator else self.peers or peers or b""
        hash_input = keymat.input_of_hash_i if initiator else keymat.input_of_hash_r
        curve = self.suite.curve
        keys = self.keys if curve is None else replace(self.keys, hash=SIGNATURE_HASHES[curve])
        return hash_input(keys, self.values, body)

    def to_sign(self) -> SignedHash:
        """The input of our hash without SKEYID, which the signer derives."""
        ours, values = self.made_of(initiator=self.session.initiator), self.values
        nonces = values.ni_b + values.nr_b
        return SignedHash(
            ours.hash, self.suite.hash, nonces, self.g_xy, ours.publics, ours.cookies, ours.sa_b, ours.id_b
        )


def skeyid(session: V1Session, suite: IkeSuite, values: Phase1Values, secret: PeerSecret) -> Story[bytes]:
    """SKEYID of the method (RFC 2409 §5): from g^xy for signatures, else from the pre-shared key, by its keeper."""
    if not suite.method.pre_shared_key:
        return hashes.skeyid_of_signatures(suite.hash, values.ni_b + values.nr_b, secret.g_xy)
    dialled = session.dialled
    request = PskRequest(
        remote=session.remote.name,
        identity=secret.identity if dialled is None else None,
        address=session.peer_address,
        hash=suite.hash,
        nonces=values.ni_b + values.nr_b,
        host=dialled.host if dialled is not None else None,
        aggressive=secret.aggressive,
        nobody=dialled is None and session.refused is not None,
    )
    derived = yield from ask(DeriveSkeyid(request))
    if isinstance(derived, Feigned):
        session.refused = session.refused or derived.reason
        return derived.skeyid.reveal()
    if isinstance(derived, Failure):
        raise LocalFault(derived.reason)
    return derived.reveal()


def tell_nobody(session: V1Session) -> None:
    """A gateway has answered a client that may not come in, so that the client does not learn whether its name is
    known. Once the answer has left, the journal gets the refusal."""
    if session.refused is not None:
        session.context.tell(Dropped(session.id, session.path, "a name without a key", session.refused))


@frozen
class PeerSecret:
    """What SKEYID is made from: g^xy, and the identity that a client claims where the mode knows it already (aggressive
    mode). The key of a gateway is looked up by the address that was dialled, whatever identity the peer claims."""

    g_xy: bytes = field(repr=False)
    identity: Identity | None = None
    aggressive: bool = False


def prove(parties: Parties, vendors: frozenset[Vendor]) -> Story[tuple[Proving, ...]]:
    """The payloads that prove this end."""
    session = parties.session
    if not parties.suite.method.signs(initiator=session.initiator):
        return (HashPayload(parties.hash_of(initiator=session.initiator)),)
    signature = yield from ask(Sign(session.remote.name, parties.to_sign()))
    if isinstance(signature, Failure):
        raise LocalFault(signature.reason)
    return (*riders.certificates(session, vendors), SignaturePayload(signature.octets))


def proof_of_peer(parties: Parties) -> Proof:
    """The check of a message before it counts: a hash must be right, over its full length; a signature must be
    present."""
    peer_initiates = not parties.session.initiator
    if parties.suite.method.signs(initiator=peer_initiates):
        return _demands(SignaturePayload)

    def proof(chain: Chain) -> None:
        sent = chain.first(HashPayload)
        if sent is None:
            raise Misplaced("no HASH payload")
        expected = parties.hash_of(initiator=peer_initiates, peers=chain.body(Identification))
        if not hmac.compare_digest(sent.data, expected):
            raise Unproved(f"{'HASH_I' if peer_initiates else 'HASH_R'} does not fit")

    return proof


def _demands(kind: type[SignaturePayload]) -> Proof:
    def proof(chain: Chain) -> None:
        if len(chain.all(kind)) != 1:
            raise Misplaced("not exactly one SIGNATURE payload")

    return proof


def demand_proof(parties: Parties, chain: Chain, peer: Identity) -> None:
    """The same check of a message that already counts. Its errors are words for people."""
    try:
        proof_of_peer(parties)(chain)
    except Unproved:
        reason = OtherKey(parties.session.peer_address)
        trace.judged(parties.session, peer, reason)
        raise PolicyRefusal(reason, NotifyType.AUTHENTICATION_FAILED) from None


def demand_xauth(suite: IkeSuite, vendors: frozenset[Vendor]) -> None:
    """A method with XAUTH admits only a peer that announces XAUTH."""
    if suite.method.login and Vendor.XAUTH not in vendors:
        raise PolicyRefusal(NoXauth(suite.method.value), NotifyType.SITUATION_NOT_SUPPORTED)


def judge(parties: Parties, chain: Chain, peer: Identity) -> Story[None]:
    """Judges who the peer is and whether it may connect. Both roles call it in both modes for every method, before
    anything follows from a proof. A peer that is refused here never learns anything secret."""
    signing = parties.suite.method.signs(initiator=not parties.session.initiator)
    if signing:
        yield from _judge_signature(parties, chain, peer)
    _demand_identity(parties.session, peer)
    if not signing:
        hybrid = parties.suite.method.hybrid
        trace.judged(parties.session, peer, UNPROVED if hybrid else KEY_FITS)


def _demand_identity(session: V1Session, peer: Identity) -> None:
    """`verify_identifier on`: the peer must be one of the `peers_identifier`s, whatever it proves itself by."""
    try:
        select.demand_identity(session.remote, peer)
    except PolicyRefusal as refusal:
        trace.judged(session, peer, refusal.reason)
        raise


def _judge_signature(parties: Parties, chain: Chain, peer: Identity) -> Story[None]:
    """Judges the certificates, signature and name of a peer that signs."""
    session = parties.session
    proof = PeerProof(
        remote=session.remote.name,
        chain=riders.received_certificates(chain),
        identity=peer,
        signed=parties.hash_of(initiator=not session.initiator),
        signature=chain.only(SignaturePayload).data,
        address=session.peer_address,
        host=session.dialled.host if session.dialled is not None else None,
        client=not session.initiator,
        curve=parties.suite.curve,
    )
    verdict = yield from ask(JudgePeer(proof))
    if not isinstance(verdict, Trusted):
        trace.judged(session, peer, verdict.reason)
        raise PolicyRefusal(verdict.reason, NotifyType.AUTHENTICATION_FAILED)
    trace.judged(session, peer, f"the certificate of {verdict.subject} is trusted, its signature fits")
