"""Signatures of IKEv2: recorded ones hold, each scheme signs what it verifies, and nothing else passes for one."""

from __future__ import annotations

import base64
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

import recordings_v2 as recordings
from lotor.crypto.prf import covered
from lotor.crypto.signatures import schemes_of, sign, verify
from lotor.model.algorithms import SignatureScheme
from lotor.model.judgement import SignedOctets
from lotor.model.secret import Secret
from lotor.wire.v2.payloads import Authentication
from lotor.wire.v2.signatures import read_signature

OCTETS = b"octets of AUTH"
AUTHS = [(name, each) for name in recordings.NAMES for each in recordings.load(name)["auths"] if each["method"] != 2]
MAKERS = {
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "p521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}


@cache
def key(kind: str):
    return MAKERS[kind]()


ABLE = [(kind, scheme) for kind in MAKERS for scheme in schemes_of(key(kind))]


@pytest.mark.parametrize(("name", "auth"), AUTHS)
def test_recorded_signatures_hold(name, auth):
    sa = recordings.ike_sa(name, auth["ike_sa"])
    own, other = auth["who"], "r" if auth["who"] == "i" else "i"
    made_of = SignedOctets(
        bytes.fromhex(sa["message_1" if own == "i" else "message_2"]),
        bytes.fromhex(sa[f"n{other}"]),
        recordings.ike_suite(sa["transforms"]).prf,
        Secret(bytes.fromhex(sa[f"SK_p{own}"])),
        bytes.fromhex(auth["id"]),
        bytes.fromhex(sa.get("int_auth", "")),
    )
    public = x509.load_der_x509_certificate(base64.b64decode(auth["certificate"])).public_key()
    scheme, signature = read_signature(Authentication(auth["method"], bytes.fromhex(auth["data"])))
    assert scheme in schemes_of(public)
    assert verify(public, scheme, covered(made_of), signature)
    assert not verify(public, scheme, covered(made_of) + b"\0", signature)
    assert not verify(public, scheme, covered(made_of), signature[:-1] + bytes([signature[-1] ^ 1]))


@pytest.mark.parametrize(("kind", "scheme"), ABLE)
def test_what_a_key_signs_holds_under_its_scheme_alone(kind, scheme):
    public = key(kind).public_key()
    signature = sign(key(kind), scheme, OCTETS)
    holding = {each for each in SignatureScheme if verify(public, each, OCTETS, signature)}
    assert scheme in holding
    assert holding <= {scheme, SignatureScheme.RSA_SHA1}, "method 1 may name any hash"
    assert not verify(MAKERS[kind]().public_key(), scheme, OCTETS, signature)


def test_every_scheme_has_a_key():
    assert {scheme for _, scheme in ABLE} == set(SignatureScheme)


@pytest.mark.parametrize(("kind", "scheme"), [(k, s) for k in MAKERS for s in SignatureScheme if (k, s) not in ABLE])
def test_a_key_signs_by_no_scheme_of_another_kind(kind, scheme):
    with pytest.raises(ValueError, match=scheme.value):
        sign(key(kind), scheme, OCTETS)
    assert not verify(key(kind).public_key(), scheme, OCTETS, b"s" * 64)


@pytest.mark.parametrize("hashing", [hashes.SHA1(), hashes.SHA256(), hashes.SHA384(), hashes.SHA512()])
def test_method_1_may_name_any_hash_but_md5(hashing):
    public = key("rsa").public_key()
    signature = key("rsa").sign(OCTETS, padding.PKCS1v15(), hashing)
    assert verify(public, SignatureScheme.RSA_SHA1, OCTETS, signature)
    with_md5 = key("rsa").sign(OCTETS, padding.PKCS1v15(), hashes.MD5())
    assert not verify(public, SignatureScheme.RSA_SHA1, OCTETS, with_md5)


def test_a_salt_of_another_length_does_not_hold():
    mgf = padding.MGF1(hashes.SHA256())
    signature = key("rsa").sign(OCTETS, padding.PSS(mgf, 20), hashes.SHA256())
    assert not verify(key("rsa").public_key(), SignatureScheme.RSA_PSS_SHA256, OCTETS, signature)


@pytest.mark.parametrize(("bits", "exponent"), [(1024, 3), (2048, 3)])
@pytest.mark.parametrize("scheme", schemes_of(key("rsa"))[:4:3])
def test_small_exponents_do_not_hold(bits, exponent, scheme):
    weak = rsa.generate_private_key(exponent, bits)
    assert not verify(weak.public_key(), scheme, OCTETS, sign(weak, scheme, OCTETS))


@pytest.mark.parametrize("signature", [b"", b"\0", b"s" * 64, b"\0" * 256, b"\xff" * 256, b"s" * 2048])
@pytest.mark.parametrize(("kind", "scheme"), ABLE)
def test_garbage_does_not_hold(kind, scheme, signature):
    assert not verify(key(kind).public_key(), scheme, OCTETS, signature)


def test_a_key_that_is_too_short_says_so():
    short = rsa.generate_private_key(65537, 1024)
    with pytest.raises(ValueError, match=r".+"):
        sign(short, SignatureScheme.RSA_PSS_SHA512, OCTETS)


def test_other_curves_can_nothing():
    assert schemes_of(ec.generate_private_key(ec.SECP256K1())) == ()
