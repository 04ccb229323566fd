"""Signatures of ECDSA as IKEv1 has them: the vectors of RFC 4754, and everything that is none."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from lotor.crypto.ecdsa import CURVES, curve_of, number_octets, sign_hash, verify_hash
from lotor.model.algorithms import SIGNATURE_HASHES, Curve

VECTORS = {
    # curve: private key w, r, s (RFC 4754 §8; what is signed is "abc")
    Curve.P256: """
        dc51d3866a15bacde33d96f992fca99da7e6ef0934e7097559c27f1614c88a7f
        cb28e0999b9c7715fd0a80d8e47a77079716cbbf917dd72e97566ea1c066957c
        86fa3bb4e26cad5bf90b7f81899256ce7594bb1ea0c89212748bff3b3d5b0315""",
    Curve.P384: """
        0beb646634ba87735d77ae4809a0ebea865535de4c1e1dcb692e84708e81a5af62e528c38b2a81b35309668d73524d9f
        fb017b914e29149432d8bac29a514640b46f53ddab2c69948084e2930f1c8f7e08e07c9c63f2d21a07dcb56a6af56eb3
        b263a1305e057f984d38726a1b46874109f417bca112674c528262a40a629af1cbb9f516ce0fa7d2ff630863a00e8b9f""",
    Curve.P521: """
        0065fda3409451dcab0a0ead45495112a3d813c17bfd34bdf8c1209d7df5849120597779060a7ff9d704adf78b570ffad6f0
        62e95c7e0c5d5481c5b153b48b375fa1
        0154fd3836af92d0dca57dd5341d3053988534fde8318fc6aaaab68e2e6f4339b19f2f281a7e0b22c269d93cf8794a927888
        0ed7dbb8d9362caeacee544320552251
        017705a7030290d1ceb605a9a1bb03ff9cdd521e87a696ec926c8c10c8362df4975367101f67d1cf9bccbf2f3d239534fa50
        9e70aac851ae01aac68d62f866472660""",
}
EACH = pytest.mark.parametrize("curve", Curve)


def private(curve: Curve) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(vector(curve)[0], "big"), CURVES[curve])


def vector(curve: Curve) -> list[bytes]:
    """w, r and s."""
    octets, size = bytes.fromhex(VECTORS[curve]), number_octets(curve)
    return [octets[start : start + size] for start in range(0, 3 * size, size)]


def hashed(curve: Curve, octets: bytes = b"abc") -> bytes:
    return hashlib.new(SIGNATURE_HASHES[curve].value, octets).digest()


@EACH
def test_the_signatures_of_the_rfc(curve):
    _, r, s = vector(curve)
    public = private(curve).public_key()
    assert verify_hash(public, hashed(curve), r + s)
    assert not verify_hash(public, hashed(curve, b"abd"), r + s)
    assert not verify_hash(public, hashed(curve), s + r)


@EACH
def test_what_is_signed_verifies_and_has_the_size_of_the_curve(curve):
    signature = sign_hash(private(curve), hashed(curve))
    assert len(signature) == 2 * number_octets(curve) == {Curve.P256: 64, Curve.P384: 96, Curve.P521: 132}[curve]
    assert verify_hash(private(curve).public_key(), hashed(curve), signature)


@EACH
def test_every_other_form_is_refused(curve):
    public, digest = private(curve).public_key(), hashed(curve)
    signature, half = sign_hash(private(curve), digest), number_octets(curve)
    zero = bytes(half)
    for wrong in (
        b"",
        signature[:-1],
        signature + b"\0",
        b"\0" + signature,
        signature[:half] + zero,
        zero + signature[half:],
        zero + zero,
        b"\xff" * len(signature),
        signature[:-1] + bytes([signature[-1] ^ 1]),
    ):
        assert not verify_hash(public, digest, wrong)


@EACH
def test_only_a_hash_that_goes_with_the_curve(curve):
    key = private(curve)
    for octets in (b"", hashed(curve)[:-1], hashed(curve) + b"\0"):
        with pytest.raises(ValueError, match="digest"):
            sign_hash(key, octets)
        assert not verify_hash(key.public_key(), octets, sign_hash(key, hashed(curve)))


def test_other_curves_have_no_number():
    key = ec.generate_private_key(ec.SECP256K1())
    assert curve_of(key) is None
    with pytest.raises(ValueError, match="secp256k1"):
        sign_hash(key, hashed(Curve.P256))
    assert not verify_hash(key.public_key(), hashed(Curve.P256), bytes(64))
