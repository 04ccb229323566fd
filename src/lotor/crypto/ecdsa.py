"""ECDSA signatures of IKEv1: r followed by s, over a hash that is not hashed again (RFC 4754 §7)."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed,
    decode_dss_signature,
    encode_dss_signature,
)

from lotor.model.algorithms import Curve

CURVES: dict[Curve, ec.EllipticCurve] = {
    Curve.P256: ec.SECP256R1(),
    Curve.P384: ec.SECP384R1(),
    Curve.P521: ec.SECP521R1(),
}
DIGESTS: dict[Curve, hashes.SHA256 | hashes.SHA384 | hashes.SHA512] = {
    Curve.P256: hashes.SHA256(),
    Curve.P384: hashes.SHA384(),
    Curve.P521: hashes.SHA512(),
}


def curve_of(key: ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey) -> Curve | None:
    """None for a curve that IKEv1 has no number for."""
    return next((curve for curve, known in CURVES.items() if known.name == key.curve.name), None)


def sign_hash(key: ec.EllipticCurvePrivateKey, octets: bytes) -> bytes:
    """Signs HASH_I or HASH_R as it is. `ValueError` when it is not as long as the hash of the curve."""
    curve = _demand_curve(key)
    r, s = decode_dss_signature(key.sign(octets, ec.ECDSA(Prehashed(DIGESTS[curve]))))
    size = number_octets(curve)
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def verify_hash(public_key: ec.EllipticCurvePublicKey, octets: bytes, signature: bytes) -> bool:
    """Whether `signature` has exactly the length of the curve's two numbers, and is a signature of `octets`. False as
    well when `octets` are not as long as the hash of the curve."""
    curve = curve_of(public_key)
    if curve is None or len(octets) != DIGESTS[curve].digest_size or len(signature) != 2 * number_octets(curve):
        return False
    half = number_octets(curve)
    r, s = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
    try:
        public_key.verify(encode_dss_signature(r, s), octets, ec.ECDSA(Prehashed(DIGESTS[curve])))
    except InvalidSignature:
        return False
    return True


def number_octets(curve: Curve) -> int:
    """Octets of r and of s: those of the field, 66 for P-521."""
    return (CURVES[curve].key_size + 7) // 8


def _demand_curve(key: ec.EllipticCurvePrivateKey) -> Curve:
    curve = curve_of(key)
    if curve is None:
        raise ValueError(f"IKEv1 has no signatures with keys on {key.curve.name}")
    return curve
