"""Which signature this end makes for a peer, and which of the peer's it takes (RFC 7296 §3.8, RFC 7427)."""

from __future__ import annotations

from collections.abc import Sequence

from lotor.ike.v2.sa import Abilities
from lotor.model.algorithms import SignatureScheme
from lotor.wire.v2.numbers import AuthMethodNumber
from lotor.wire.v2.payloads import Authentication
from lotor.wire.v2.signatures import CLASSIC, authentication, read_signature


def chosen(own: Sequence[SignatureScheme], abilities: Abilities) -> SignatureScheme | None:
    """The first scheme of our key (`OwnCertificate.schemes`) that the peer announced; for a peer that announced none,
    the key's method of before RFC 7427. None: the peer cannot read any."""
    if abilities.schemes is not None:
        return next((each for each in own if each in abilities.schemes), None)
    if SignatureScheme.RSA_SHA1 in own:
        return SignatureScheme.RSA_SHA1
    return own[0] if own and own[0] in CLASSIC else None


def proof(scheme: SignatureScheme, signature: bytes, abilities: Abilities) -> Authentication:
    """AUTH with a signature of the signer, in the form that the peer knows."""
    return authentication(scheme, signature, classic=abilities.schemes is None)


def claimed(payload: Authentication, abilities: Abilities) -> tuple[SignatureScheme, bytes]:
    """Scheme and signature of a peer's AUTH, for `PeerProof`. Method 1 counts with SHA-1 for a peer that announced no
    hashes; one that knows RFC 7427 must not fall back to it. `Malformed` for what is no signature."""
    scheme, signature = read_signature(payload)
    if payload.method == AuthMethodNumber.RSA and abilities.schemes is not None:
        return SignatureScheme.RSA_SHA256, signature
    return scheme, signature
