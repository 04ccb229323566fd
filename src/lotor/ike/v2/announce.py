"""What both ends announce in IKE_SA_INIT, and what that makes the peer able to."""

from __future__ import annotations

from functools import lru_cache

from lotor.ike.v2.certified import asking
from lotor.ike.v2.sa import Abilities
from lotor.ike.v2.session import V2Session
from lotor.ike.v2.story import Payloads
from lotor.model.algorithms import Proving, SignatureScheme
from lotor.model.policy import Ppk, RemotePolicy
from lotor.wire.errors import Malformed
from lotor.wire.v2 import redirects
from lotor.wire.v2.chain import Chain
from lotor.wire.v2.numbers import HashAlgorithm, NotifyType
from lotor.wire.v2.payloads import Notification

HASHES = (HashAlgorithm.SHA2_256, HashAlgorithm.SHA2_384, HashAlgorithm.SHA2_512, HashAlgorithm.IDENTITY)
"""Those under which a signature of the peer is taken (RFC 7427 §4)."""

_SCHEMES = {
    HashAlgorithm.SHA1: (SignatureScheme.RSA_SHA1,),
    HashAlgorithm.SHA2_256: (
        SignatureScheme.RSA_SHA256,
        SignatureScheme.RSA_PSS_SHA256,
        SignatureScheme.ECDSA_SHA256,
    ),
    HashAlgorithm.SHA2_384: (
        SignatureScheme.RSA_SHA384,
        SignatureScheme.RSA_PSS_SHA384,
        SignatureScheme.ECDSA_SHA384,
    ),
    HashAlgorithm.SHA2_512: (
        SignatureScheme.RSA_SHA512,
        SignatureScheme.RSA_PSS_SHA512,
        SignatureScheme.ECDSA_SHA512,
    ),
    HashAlgorithm.IDENTITY: (SignatureScheme.ED25519,),
}

MOST_HASHES = 64


def ours(session: V2Session, *, intermediate: bool) -> Payloads:
    """The same of either role, beside NAT detection. `intermediate`: additional key exchanges are offered, or
    chosen."""
    fragments = (Notification(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED),) if session.terms.fragments else ()
    hashes = b"".join(each.to_bytes(2, "big") for each in HASHES)
    more = (Notification(NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED),) if intermediate else ()
    return (*fragments, Notification(NotifyType.SIGNATURE_HASH_ALGORITHMS, hashes), *more)


def of_initiator(session: V2Session) -> Payloads:
    """What only a request has: that a PPK may be in the keys (RFC 8784 §3)."""
    return (Notification(NotifyType.USE_PPK),) if session.terms.ppk is not Ppk.OFF else ()


def of_client(session: V2Session) -> Payloads:
    """That it goes where it is sent; of one that was sent here, by whom (RFC 5685 §3)."""
    if not session.terms.follows:
        return ()
    detour = session.dialled.detour if session.dialled is not None else None
    if detour is None:
        return (Notification(NotifyType.REDIRECT_SUPPORTED),)
    return (redirects.redirected_from(detour.by),)


def of_responder(session: V2Session, peer: Abilities) -> Payloads:
    """What only a response has: that a child may follow later (RFC 6023), and a question for certificates, without
    which some clients send none. Where a block that may serve the peer has it: that a PPK may be in the keys, if the
    peer says so, and that a login may follow another proof (RFC 4739)."""
    judging = tuple(filter(_judges, session.candidates))
    request = (asking(judging),) if judging else ()
    mixes = any(each.v2 is not None and each.v2.ppk is not Ppk.OFF for each in session.candidates)
    twice = any(way.twice for each in session.candidates if each.v2 is not None for way in each.v2.peer)
    return (
        *request,
        Notification(NotifyType.CHILDLESS_IKEV2_SUPPORTED),
        *((Notification(NotifyType.USE_PPK),) if peer.ppk and mixes else ()),
        *((Notification(NotifyType.MULTIPLE_AUTH_SUPPORTED),) if twice else ()),
    )


def _judges(remote: RemotePolicy) -> bool:
    """Whether a block takes certificates of clients, and asks for them."""
    takes = remote.v2 is not None and any(way.first is Proving.CERTIFICATE for way in remote.v2.peer)
    return takes and remote.send_cr


def theirs(session: V2Session, chain: Chain) -> Abilities:
    """What the peer said of itself in IKE_SA_INIT. `Malformed`."""
    said = {each.type: each.data for each in chain.all(Notification)}
    return Abilities(
        schemes=_schemes(said.get(NotifyType.SIGNATURE_HASH_ALGORITHMS)),
        fragments=session.terms.fragments and NotifyType.IKEV2_FRAGMENTATION_SUPPORTED in said,
        intermediate=NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED in said,
        ppk=NotifyType.USE_PPK in said,
        childless=NotifyType.CHILDLESS_IKEV2_SUPPORTED in said,
        follows=redirects.follows(chain),
        sent_by=str(redirects.origin(chain) or ""),
        twice=NotifyType.MULTIPLE_AUTH_SUPPORTED in said,
    )


def _schemes(listed: bytes | None) -> frozenset[SignatureScheme] | None:
    if listed is None:
        return None
    if len(listed) % 2 or len(listed) > 2 * MOST_HASHES:
        raise Malformed(f"a list of hash algorithms has {len(listed)} octets")
    return _named(listed)


@lru_cache(maxsize=64)
def _named(listed: bytes) -> frozenset[SignatureScheme]:
    """Each program has its list; those that a stranger makes up drive out others, and cost as much as before."""
    numbers = {int.from_bytes(listed[start : start + 2], "big") for start in range(0, len(listed), 2)}
    return frozenset(scheme for number, schemes in _SCHEMES.items() if number in numbers for scheme in schemes)
