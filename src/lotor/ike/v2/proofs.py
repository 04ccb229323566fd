"""AUTH of both ends (RFC 7296 §2.15): by certificate and signature, by a pre-shared key, or by the key of EAP."""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from lotor.crypto import prf
from lotor.ike import identities
from lotor.ike.errors import LocalFault, PolicyRefusal
from lotor.ike.events import Judged
from lotor.ike.questions import JudgePeer, KeyedAuth, SignAuth
from lotor.ike.v2 import keys, schemes
from lotor.ike.v2.certified import best, shown
from lotor.ike.v2.session import V2Session
from lotor.ike.v2.story import Payloads, Story, ask
from lotor.model.algorithms import Proving
from lotor.model.frozen import frozen
from lotor.model.identity import Identity, IdKind
from lotor.model.judgement import Failure, KeyedRequest, PeerProof, SignedOctets, Trusted
from lotor.model.reason import Reason
from lotor.model.reasons.certificates import WrongSignature
from lotor.model.reasons.local import HashUnfit, NoPrivateKey
from lotor.model.reasons.proofs import OtherProofKey, PpkDiffers
from lotor.model.reasons.protocol import IdentityNotAllowed, OtherKey
from lotor.model.secret import Secret
from lotor.wire.errors import Malformed
from lotor.wire.v2.chain import Chain
from lotor.wire.v2.numbers import AuthMethodNumber, CertificateEncoding, NotifyType, PayloadType
from lotor.wire.v2.payloads import Authentication, Certificate, Identification, encode_payload
from lotor.wire.v2.signatures import is_signature

MOST_CERTIFICATES = 8
"""Of a peer's chain: what a judge reads."""

KEY_FITS = "it holds the pre-shared key"


@frozen
class Peer:
    """What the peer says of itself in IKE_AUTH. `id_b` is the body of its ID payload."""

    identity: Identity
    id_b: bytes
    chain: tuple[bytes, ...]

    @classmethod
    def of(cls, session: V2Session, chain: Chain) -> Peer:
        """`Malformed` without an identity."""
        number = PayloadType.IDENTIFICATION_R if session.initiator else PayloadType.IDENTIFICATION_I
        found = chain.of_type(number)
        if not isinstance(found, Identification):
            raise Malformed(f"no {number.name} payload")
        x509 = [each.data for each in chain.all(Certificate) if each.encoding == CertificateEncoding.X509_SIGNATURE]
        return cls(found.identity, chain.body(number) or b"", tuple(x509[:MOST_CERTIFICATES]))


# --- this end --------------------------------------------------------------------------------------------------------


def choose(session: V2Session, asked: frozenset[bytes] | None = None, wished: Identity | None = None) -> None:
    """The certificate that this end shows to this peer, if it has one. `asked`: whose the peer asks for, None where it
    does not ask; `wished`: who it hopes to reach."""
    usable = wished if session.terms.identity is None else None
    session.own = best(session.remote.own, session.abilities, asked, usable)


def mine(session: V2Session, wished: Identity | None = None) -> Identification:
    """IDi or IDr of this end: the configured one, else one of its certificate, else its address. `wished`: what the
    peer hopes for, which counts where the certificate has several names."""
    return Identification.of(_mine(session, wished), initiator=session.initiator)


def _mine(session: V2Session, wished: Identity | None) -> Identity:
    if session.terms.identity is not None:
        return Identity(session.terms.identity.kind, session.terms.identity.data)
    names = session.own.identities if session.own is not None else ()
    named = shown(names, wished) or _person(session, names) or next(iter(names), None)
    if named is not None:
        return named
    address = session.path.local.address
    return Identity(IdKind.IPV4_ADDR if address.version == 4 else IdKind.IPV6_ADDR, address.packed)


def _person(session: V2Session, names: Sequence[Identity]) -> Identity | None:
    """What a client with a certificate is called: by its mail address there, else by its subject, which is in it
    whatever else is."""
    if not session.initiator or session.terms.local.first is not Proving.CERTIFICATE:
        return None
    kinds = (IdKind.USER_FQDN, IdKind.DER_ASN1_DN)
    return next((each for kind in kinds for each in names if each.kind == kind), None)


def certificates(session: V2Session) -> Payloads:
    """Our chain, the end's own first: always, since some clients need it and do not ask."""
    x509 = CertificateEncoding.X509_SIGNATURE
    return tuple(Certificate(x509, each) for each in (session.own.chain if session.own is not None else ()))


def covered(session: V2Session, id_b: bytes, *, ours: bool) -> SignedOctets:
    return keys.signed_octets(session.ike_sa, id_b, initiator=session.initiator is ours)


def prove(session: V2Session, way: Proving, identity: Identification, peer: Peer | None) -> Story[Authentication]:
    """AUTH of this end, without EAP. `peer`: whose key it is made with, at a gateway. `LocalFault` where there is no
    key."""
    made_of = covered(session, encode_payload(identity), ours=True)
    if way is Proving.SHARED_KEY:
        return Authentication(
            AuthMethodNumber.SHARED_KEY, (yield from _keyed(session, peer, made_of, client=session.initiator))
        )
    scheme = schemes.chosen(session.own.schemes, session.abilities) if session.own is not None else None
    if scheme is None:
        raise LocalFault(NoPrivateKey(session.remote.name), NotifyType.AUTHENTICATION_FAILED)
    signature = yield from ask(SignAuth(session.remote.name, made_of, scheme))
    if isinstance(signature, Failure):
        raise LocalFault(signature.reason, NotifyType.AUTHENTICATION_FAILED)
    try:
        return schemes.proof(scheme, signature.octets, session.abilities)
    except ValueError as fault:  # of another key than the policy knows: a reload came between
        raise LocalFault(HashUnfit(str(fault)), NotifyType.AUTHENTICATION_FAILED) from None


def _keyed(session: V2Session, peer: Peer | None, made_of: SignedOctets, *, client: bool) -> Story[bytes]:
    """By the pre-shared key with the peer: a gateway finds it by the client's identity, a client by whom it dialled.
    `client`: the octets are the client's."""
    dialled = session.dialled
    request = KeyedRequest(
        session.remote.name,
        peer.identity if peer is not None and session.gateway else None,
        session.peer_address,
        made_of,
        dialled.host if dialled is not None else None,
        client,
    )
    answer = yield from ask(KeyedAuth(request))
    if isinstance(answer, Failure):
        raise LocalFault(answer.reason, NotifyType.AUTHENTICATION_FAILED)
    return answer.reveal()


def by_eap(session: V2Session, msk: Secret, id_b: bytes, *, ours: bool) -> Authentication:
    """AUTH of either end after EAP. A method without a key leaves SK_p in its place (RFC 7296 §2.16)."""
    made_of = covered(session, id_b, ours=ours)
    key = msk or made_of.sk_p
    return Authentication(AuthMethodNumber.SHARED_KEY, prf.keyed(key.reveal(), made_of))


# --- the peer --------------------------------------------------------------------------------------------------------


def way_of(proof: Authentication) -> Proving | None:
    """How a peer proves itself; None for a method that is not known here."""
    if proof.method == AuthMethodNumber.SHARED_KEY:
        return Proving.SHARED_KEY
    return Proving.CERTIFICATE if is_signature(proof.method) else None


def judge(session: V2Session, peer: Peer, proof: Authentication) -> Story[None]:
    """Whether the peer is who it says, and may be. Nothing secret is told to it before. Raises `PolicyRefusal`."""
    made_of = covered(session, peer.id_b, ours=False)
    if way_of(proof) is Proving.SHARED_KEY:
        yield from _judge_key(session, peer, proof, made_of)
    else:
        yield from _judge_signature(session, peer, proof, made_of)
    if not identities.admitted(session.remote, peer.identity):
        raise refuse(session, peer, IdentityNotAllowed(identities.text(peer.identity), session.remote.name))


def _judge_key(session: V2Session, peer: Peer, proof: Authentication, made_of: SignedOctets) -> Story[None]:
    expected = yield from _keyed(session, peer, made_of, client=not session.initiator)
    if not hmac.compare_digest(proof.data, expected):
        raise refuse(session, peer, _unfit(session, OtherKey(session.peer_address)))
    tell(session, peer, KEY_FITS)


def _judge_signature(session: V2Session, peer: Peer, proof: Authentication, made_of: SignedOctets) -> Story[None]:
    scheme, signature = schemes.claimed(proof, session.abilities)
    dialled = session.dialled
    verdict = yield from ask(
        JudgePeer(
            PeerProof(
                remote=session.remote.name,
                chain=peer.chain,
                identity=peer.identity,
                signed=prf.covered(made_of),
                signature=signature,
                address=session.peer_address,
                host=dialled.host if dialled is not None else None,
                client=not session.initiator,
                scheme=scheme,
                vouched=session.vouched,
            )
        )
    )
    if not isinstance(verdict, Trusted):
        wrong = isinstance(verdict.reason, WrongSignature)
        raise refuse(session, peer, _unfit(session, verdict.reason) if wrong else verdict.reason)
    tell(session, peer, f"the certificate of {verdict.subject} is trusted, its signature fits")


def judge_eap(session: V2Session, peer: Peer, proof: Authentication, msk: Secret) -> None:
    """AUTH of the peer after EAP: nobody else has the key that the login made. Raises `PolicyRefusal`."""
    expected = by_eap(session, msk, peer.id_b, ours=False)
    same = proof.method == expected.method and hmac.compare_digest(proof.data, expected.data)
    if not same:
        raise refuse(session, peer, _unfit(session, OtherProofKey(session.path.remote.address)))


def _unfit(session: V2Session, reason: Reason) -> Reason:
    """Where a PPK is in the keys, it is what differs, most likely."""
    return PpkDiffers(session.path.remote.address, session.ppk, reason.text) if session.ppk is not None else reason


def refuse(session: V2Session, peer: Peer, reason: Reason) -> PolicyRefusal:
    tell(session, peer, reason)
    return PolicyRefusal(reason, NotifyType.AUTHENTICATION_FAILED)


def tell(session: V2Session, peer: Peer, verdict: str | Reason) -> None:
    session.context.tell(Judged(session.id, identities.text(peer.identity), verdict))
