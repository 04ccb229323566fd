"""Private keys from PEM: RSA and ECDSA in every form, and everything else refused in words that quote nothing."""

from __future__ import annotations

from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from lotor.crypto.ecdsa import CURVES
from lotor.crypto.private.keypair import generate_key, load_key
from lotor.model.algorithms import Curve, SignatureScheme
from lotor.model.secret import Secret

OLD, PKCS8 = PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8
KINDS = ["rsa", *Curve]


@cache
def key(kind):
    return rsa.generate_private_key(65537, 2048) if kind == "rsa" else ec.generate_private_key(CURVES[kind])


def pem(private, passphrase: bytes | None = None, form=PKCS8) -> bytes:
    return private.private_bytes(
        Encoding.PEM, form, BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    )


@pytest.mark.parametrize("form", [PKCS8, OLD], ids=["pkcs8", "old"])
@pytest.mark.parametrize("kind", KINDS)
def test_private_keys_load(kind, form):
    """The old form is PKCS#1 for RSA and SEC1 for ECDSA."""
    loaded = load_key(pem(key(kind), form=form))
    assert loaded.handle.private_numbers() == key(kind).private_numbers()
    assert loaded.curve is (None if kind == "rsa" else kind)


@pytest.mark.parametrize("form", [PKCS8, OLD], ids=["pkcs8", "old"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_locked_key_needs_its_passphrase(kind, form):
    locked = pem(key(kind), b"sesame", form)
    assert load_key(locked, Secret(b"sesame")).handle.private_numbers() == key(kind).private_numbers()
    with pytest.raises(ValueError, match="passphrase_file"):
        load_key(locked)
    with pytest.raises(ValueError, match="does not open"):
        load_key(locked, Secret(b"wrong"))


@pytest.mark.parametrize("kind", [2048, *Curve])
def test_a_made_key_is_written_and_read(kind):
    made = generate_key(kind)
    assert load_key(made.pem().reveal()).handle.private_numbers() == made.handle.private_numbers()
    assert repr(made) == "KeyPair()"


def test_openssl_writes_the_parameters_of_the_curve_before_the_key():
    parameters = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    assert load_key(parameters + pem(key(Curve.P256), form=OLD)).curve is Curve.P256


def test_other_files_are_refused():
    with pytest.raises(ValueError, match="secp256k1: IKEv1 has signatures on P-256, P-384 and P-521 only"):
        load_key(pem(ec.generate_private_key(ec.SECP256K1())))
    with pytest.raises(ValueError, match="neither an RSA nor an ECDSA nor an Ed25519 key"):
        load_key(pem(ed448.Ed448PrivateKey.generate()))
    with pytest.raises(ValueError, match="not a private key in PEM"):
        load_key(b"no key at all")


def test_a_key_of_ed25519_signs_for_ikev2_alone():
    key = load_key(pem(ed25519.Ed25519PrivateKey.generate()))
    assert (key.bits, key.curve, key.enciphers) == (256, None, False)
    assert len(key.sign_by(SignatureScheme.ED25519, b"octets of AUTH")) == 64
    with pytest.raises(ValueError, match="IKEv1"):
        key.sign(bytes(32))
