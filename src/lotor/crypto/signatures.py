"""Signatures of IKEv2 over octets that the scheme hashes, by the schemes of the model; those of ECDSA are a DER
sequence of r and s (RFC 7296 §2.15, RFC 7427, RFC 8420)."""

from __future__ import annotations

import hmac
from collections.abc import Callable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lotor.crypto.ecdsa import curve_of
from lotor.crypto.hashes import digest
from lotor.crypto.rsa import is_weak, recovered
from lotor.model.algorithms import Curve, Hash, SignatureScheme

PrivateKey = RSAPrivateKey | ec.EllipticCurvePrivateKey | Ed25519PrivateKey
PublicKey = RSAPublicKey | ec.EllipticCurvePublicKey | Ed25519PublicKey
_Hash = hashes.SHA1 | hashes.SHA256 | hashes.SHA384 | hashes.SHA512


def public_octets(key: PublicKey) -> bytes:
    """As certificates have it: SubjectPublicKeyInfo (RFC 5280 §4.1.2.7)."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


PLAIN: dict[SignatureScheme, _Hash] = {
    SignatureScheme.RSA_SHA1: hashes.SHA1(),  # noqa: S303 - method 1, the only one of some peers
    SignatureScheme.RSA_SHA256: hashes.SHA256(),
    SignatureScheme.RSA_SHA384: hashes.SHA384(),
    SignatureScheme.RSA_SHA512: hashes.SHA512(),
}
PROBABILISTIC: dict[SignatureScheme, _Hash] = {
    SignatureScheme.RSA_PSS_SHA256: hashes.SHA256(),
    SignatureScheme.RSA_PSS_SHA384: hashes.SHA384(),
    SignatureScheme.RSA_PSS_SHA512: hashes.SHA512(),
}
ELLIPTIC: dict[SignatureScheme, _Hash] = {
    SignatureScheme.ECDSA_SHA256: hashes.SHA256(),
    SignatureScheme.ECDSA_SHA384: hashes.SHA384(),
    SignatureScheme.ECDSA_SHA512: hashes.SHA512(),
}
_OF_RSA = (
    SignatureScheme.RSA_SHA256,
    SignatureScheme.RSA_SHA384,
    SignatureScheme.RSA_SHA512,
    SignatureScheme.RSA_PSS_SHA256,
    SignatureScheme.RSA_PSS_SHA384,
    SignatureScheme.RSA_PSS_SHA512,
    SignatureScheme.RSA_SHA1,
)
_OF_CURVES = {
    Curve.P256: (SignatureScheme.ECDSA_SHA256, SignatureScheme.ECDSA_SHA384, SignatureScheme.ECDSA_SHA512),
    Curve.P384: (SignatureScheme.ECDSA_SHA384, SignatureScheme.ECDSA_SHA512, SignatureScheme.ECDSA_SHA256),
    Curve.P521: (SignatureScheme.ECDSA_SHA512, SignatureScheme.ECDSA_SHA384, SignatureScheme.ECDSA_SHA256),
}


def schemes_of(key: PrivateKey | PublicKey) -> tuple[SignatureScheme, ...]:
    """What a key can, the first is the usual one; SHA-1 comes last. Empty for a curve that IKEv2 has no number for."""
    if isinstance(key, RSAPrivateKey | RSAPublicKey):
        return _OF_RSA
    if isinstance(key, Ed25519PrivateKey | Ed25519PublicKey):
        return (SignatureScheme.ED25519,)
    curve = curve_of(key)
    return _OF_CURVES[curve] if curve else ()


def sign(key: PrivateKey, scheme: SignatureScheme, octets: bytes) -> bytes:
    """`ValueError` for a scheme that the key cannot, or for which it is too short."""
    if isinstance(key, RSAPrivateKey) and scheme in PLAIN:
        return key.sign(octets, PKCS1v15(), PLAIN[scheme])
    if isinstance(key, RSAPrivateKey) and scheme in PROBABILISTIC:
        return key.sign(octets, _padding(PROBABILISTIC[scheme]), PROBABILISTIC[scheme])
    if isinstance(key, ec.EllipticCurvePrivateKey) and scheme in ELLIPTIC:
        return key.sign(octets, ec.ECDSA(ELLIPTIC[scheme]))
    if isinstance(key, Ed25519PrivateKey) and scheme is SignatureScheme.ED25519:
        return key.sign(octets)
    raise ValueError(f"this key makes no signatures of {scheme.value}")


def verify(key: PublicKey, scheme: SignatureScheme, octets: bytes, signature: bytes) -> bool:
    """Whether it is a signature of `octets` by that scheme. `RSA_SHA1` is that of method 1, which may name any hash of
    `PLAIN` inside (RFC 7296 §3.8). False as well for another kind of key, for a modulus below 1024 bits and an exponent
    below 65537."""
    if isinstance(key, RSAPublicKey):
        return not is_weak(key) and _verify_rsa(key, scheme, octets, signature)
    if isinstance(key, ec.EllipticCurvePublicKey) and scheme in ELLIPTIC:
        return _holds(lambda: key.verify(signature, octets, ec.ECDSA(ELLIPTIC[scheme])))
    if isinstance(key, Ed25519PublicKey) and scheme is SignatureScheme.ED25519:
        return _holds(lambda: key.verify(signature, octets))
    return False


def _verify_rsa(key: RSAPublicKey, scheme: SignatureScheme, octets: bytes, signature: bytes) -> bool:
    if scheme is SignatureScheme.RSA_SHA1:
        return _names_a_hash(key, octets, signature)
    if scheme in PLAIN:
        return _holds(lambda: key.verify(signature, octets, PKCS1v15(), PLAIN[scheme]))
    if scheme in PROBABILISTIC:
        hashing = PROBABILISTIC[scheme]
        return _holds(lambda: key.verify(signature, octets, _padding(hashing), hashing))
    return False


_DIGEST_INFOS = {
    Hash.SHA1: bytes.fromhex("3021300906052b0e03021a05000414"),
    Hash.SHA256: bytes.fromhex("3031300d060960864801650304020105000420"),
    Hash.SHA384: bytes.fromhex("3041300d060960864801650304020205000430"),
    Hash.SHA512: bytes.fromhex("3051300d060960864801650304020305000440"),
}
"""What stands before the digest (RFC 8017 §9.2)."""


def _names_a_hash(key: RSAPublicKey, octets: bytes, signature: bytes) -> bool:
    """Nothing is read of what the signature holds: it must be one of these, whole."""
    found = recovered(key, signature)
    if found is None:
        return False
    return any(hmac.compare_digest(found, info + digest(hashing, octets)) for hashing, info in _DIGEST_INFOS.items())


def _padding(hashing: _Hash) -> PSS:
    return PSS(MGF1(hashing), hashing.digest_size)


def _holds(check: Callable[[], None]) -> bool:
    try:
        check()
    except (InvalidSignature, ValueError):
        return False
    return True
