"""RSA signatures of IKEv1: PKCS#1 v1.5 around the bare hash, without DigestInfo (RFC 2409 §5.1)."""

from __future__ import annotations

import hmac

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import NoDigestInfo

LEAST_EXPONENT = 65537
LEAST_MODULUS_BITS = 1024


def sign_bare(key: RSAPrivateKey, octets: bytes) -> bytes:
    """Sign HASH_I or HASH_R as it is."""
    return key.sign(octets, PKCS1v15(), NoDigestInfo())


def verify_bare(public_key: RSAPublicKey, octets: bytes, signature: bytes) -> bool:
    """Whether `signature` has the modulus' length and holds exactly `octets`, compared whole.

    False as well for a modulus below 1024 bits, an exponent below 65537 and nothing to sign.
    """
    if is_weak(public_key) or not octets:
        return False
    found = recovered(public_key, signature)
    return found is not None and hmac.compare_digest(found, octets)


def is_weak(public_key: RSAPublicKey) -> bool:
    return public_key.key_size < LEAST_MODULUS_BITS or public_key.public_numbers().e < LEAST_EXPONENT


def recovered(public_key: RSAPublicKey, signature: bytes) -> bytes | None:
    """What a signature of PKCS#1 v1.5 holds behind its padding, to be compared whole; None for another length than that
    of the modulus, and for what is padded otherwise."""
    if len(signature) != (public_key.key_size + 7) // 8:
        return None
    try:
        return public_key.recover_data_from_signature(signature, PKCS1v15(), None)
    except (InvalidSignature, ValueError):
        return None
