"""Certificates of several kinds of keys in one block: what is told of them, and which key signs."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from keys import certificate_lab as lab
from keys.test_keys_auth import AUTH
from lotor.crypto.certificates import read_certificates
from lotor.crypto.prf import covered
from lotor.crypto.signatures import verify
from lotor.files.problems import Severity
from lotor.keys import Keyring, OwnFiles, RemoteKeys
from lotor.model.algorithms import Curve
from lotor.model.algorithms import SignatureScheme as S
from lotor.model.judgement import Signature
from lotor.model.policy import Side

NAMES = {"dns": ("vpn.example.net",)}


@pytest.fixture(scope="module")
def authority():
    return lab.authority()


@pytest.fixture
def issued(tmp_path, authority):
    """A certificate in files of that name, with a key of RSA unless another is given."""

    def issue(name, private=None, chain=b"", **wish):
        holder = lab.issue(authority, **NAMES, **({"private": private} if private else {}), **wish)
        (tmp_path / f"{name}.crt").write_bytes(holder.pem + chain)
        (tmp_path / f"{name}.key").write_bytes(lab.key_pem(holder.private))
        (tmp_path / f"{name}.key").chmod(0o600)
        return holder

    return issue


@pytest.fixture
def ring(tmp_path):
    def make(*names, **rules):
        files = tuple(OwnFiles(tmp_path / f"{name}.crt", tmp_path / f"{name}.key") for name in names)
        return Keyring([RemoteKeys("gw", files, signs=True, side=Side.GATEWAY, **rules)], clock=lambda: lab.NOW)

    return make


def curve() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def test_each_scheme_is_signed_by_the_key_that_knows_it(issued, ring):
    holders = [issued("rsa"), issued("ec", curve()), issued("ed", ed25519.Ed25519PrivateKey.generate())]
    keys = ring("rsa", "ec", "ed", ecdsa=False)
    assert keys.problems == ()
    own = keys.credential("gw").own
    assert [each.chain for each in own] == [(holder.der,) for holder in holders]
    for each, holder in zip(own, holders, strict=True):
        for scheme in each.schemes:
            signature = keys.sign_auth("gw", AUTH, scheme)
            assert isinstance(signature, Signature)
            assert verify(holder.private.public_key(), scheme, covered(AUTH), signature.octets)


@pytest.mark.parametrize(("ecdsa", "number"), [(False, 1), (True, 0), (None, 0)])
def test_ikev1_has_the_one_that_goes_with_its_methods(issued, ring, ecdsa, number):
    holders = [issued("ec", curve()), issued("rsa")]
    keys = ring("ec", "rsa", ecdsa=ecdsa)
    assert keys.problems == ()
    found = keys.credential("gw")
    assert found.chain == (holders[number].der,)
    assert found.curve is (Curve.P256 if number == 0 else None)
    assert len(found.own) == 2


def test_ikev1_without_a_fitting_one_is_told_once(issued, ring):
    issued("ec", curve())
    issued("ed", ed25519.Ed25519PrivateKey.generate())
    (problem,) = ring("ec", "ed", ecdsa=False).problems
    assert "has no RSA key" in problem.text


def test_of_two_of_one_kind_the_last_counts(issued, ring):
    issued("old")
    new = issued("new")
    keys = ring("old", "new")
    (problem,) = keys.problems
    assert problem.severity is Severity.WARNING
    assert "have the same kind of key: the last counts" in problem.text
    assert keys.credential("gw").chain == (new.der,)
    assert len(keys.credential("gw").own) == 1


def test_a_curve_is_no_kind_of_its_own(issued, ring):
    issued("small", curve())
    large = issued("large", ec.generate_private_key(ec.SECP384R1()))
    keys = ring("small", "large", ecdsa=None)
    assert [each.chain for each in keys.credential("gw").own] == [(large.der,)]
    assert keys.credential("gw").own[0].schemes[0] is S.ECDSA_SHA384


def key_hash(holder) -> bytes:
    return hashlib.sha1(read_certificates(holder.pem)[0].key_octets, usedforsecurity=False).digest()


def test_authorities_are_known_from_the_chain_and_from_beside(tmp_path, authority, issued, ring):
    issued("rsa")
    (own,) = ring("rsa").credential("gw").own
    assert (own.authorities, own.complete) == ((), False)
    (tmp_path / "ca.crt").write_bytes(authority.pem)
    (own,) = ring("rsa").credential("gw").own
    assert (own.authorities, own.complete) == ((key_hash(authority),), True)
    (tmp_path / "ca.crt").write_bytes(lab.authority("Other").pem)
    (own,) = ring("rsa").credential("gw").own
    assert (own.authorities, own.complete) == ((), False)
    (tmp_path / "ca.crt").write_bytes(b"nonsense")
    assert ring("rsa").problems == ()
    issued("rsa", chain=authority.pem)
    (own,) = ring("rsa").credential("gw").own
    assert (own.authorities, own.complete) == ((key_hash(authority),), True)
