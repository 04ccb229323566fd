"""Hashes and their HMAC, which is the PRF of IKEv1 (RFC 2104, RFC 2409 §4), by the names of the model."""

from __future__ import annotations

import hashlib

from lotor import _native
from lotor.model.algorithms import Hash, Integrity
from lotor.model.judgement import PhaseOneHash, SignedHash
from lotor.model.secret import Secret

_SIZES = {Hash.MD5: 16, Hash.SHA1: 20, Hash.SHA256: 32, Hash.SHA384: 48, Hash.SHA512: 64}
_MAKERS = {
    Hash.MD5: hashlib.md5,
    Hash.SHA1: hashlib.sha1,
    Hash.SHA256: hashlib.sha256,
    Hash.SHA384: hashlib.sha384,
    Hash.SHA512: hashlib.sha512,
}
_KEYED = {
    Hash.MD5: Integrity.HMAC_MD5.value,
    Hash.SHA1: Integrity.HMAC_SHA1.value,
    Hash.SHA256: Integrity.HMAC_SHA256.value,
    Hash.SHA384: Integrity.HMAC_SHA384.value,
    Hash.SHA512: Integrity.HMAC_SHA512.value,
}
_INTEGRITY_KEYS = {
    Integrity.HMAC_MD5: 16,
    Integrity.HMAC_SHA1: 20,
    Integrity.HMAC_SHA256: 32,
    Integrity.HMAC_SHA384: 48,
    Integrity.HMAC_SHA512: 64,
}


def size(hashing: Hash) -> int:
    """Octets of a digest, and so of an HMAC and of every SKEYID."""
    return _SIZES[hashing]


def digest(hashing: Hash, *parts: bytes) -> bytes:
    """The hash of the concatenated parts (RFC 1321, FIPS 180-4)."""
    return _MAKERS[hashing](b"".join(parts), usedforsecurity=False).digest()


def hmac(hashing: Hash, key: bytes, *parts: bytes) -> bytes:
    """HMAC of the concatenated parts, not truncated (RFC 2104)."""
    return _native.hmac(_KEYED[hashing], key, b"".join(parts))


def phase_one(made_of: PhaseOneHash) -> bytes:
    """HASH_I or HASH_R (RFC 2409 §5), as the core checks and sends it."""
    body = (*made_of.publics, *made_of.cookies, made_of.sa_b, made_of.id_b)
    return hmac(made_of.hash, made_of.skeyid.reveal(), *body)


def skeyid_of_signatures(prf: Hash, nonces: bytes, g_xy: bytes) -> bytes:
    """SKEYID for signatures, which hybrid authentication uses too (RFC 2409 §5.1, draft hybrid §3.2)."""
    return hmac(prf, nonces, g_xy)


def signed(made_of: SignedHash) -> bytes:
    """HASH_I or HASH_R as the signer signs it, with the SKEYID that follows from what it is made of."""
    skeyid = Secret(skeyid_of_signatures(made_of.prf, made_of.nonces, made_of.g_xy.reveal()))
    return phase_one(PhaseOneHash(made_of.hash, skeyid, made_of.publics, made_of.cookies, made_of.sa_b, made_of.id_b))


def integrity_key_size(integrity: Integrity) -> int:
    """Octets of KEYMAT for the integrity of ESP: as many as the hash gives (RFC 2403, 2404, 4868)."""
    return _INTEGRITY_KEYS[integrity]
