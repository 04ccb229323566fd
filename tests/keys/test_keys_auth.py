"""AUTH of IKEv2: signed by every kind of key, made with the shared key of whom it is for, and told why not."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from keys import certificate_lab as lab
from lotor.crypto.prf import covered, keyed
from lotor.crypto.signatures import schemes_of, verify
from lotor.keys import Keyring, OwnFiles, RemoteKeys
from lotor.model.algorithms import Hash, SignatureScheme
from lotor.model.identity import Identity, IdKind
from lotor.model.judgement import Failure, KeyedRequest, Signature, SignedOctets
from lotor.model.policy import Side
from lotor.model.secret import Secret

TEXT = b"""
192.0.2.7         first
bob               second
vpn.example.net   of the gateway
alice             a password
"""
BOB = Identity(IdKind.FQDN, b"bob")


def init(flags: int) -> bytes:
    return bytes(16) + bytes([33, 0x20, 34, flags]) + bytes(4) + (40).to_bytes(4, "big") + bytes(12)


AUTH = SignedOctets(init(0x20), bytes(32), Hash.SHA256, Secret(b"p" * 32), b"\2\0\0\0vpn.example.net")
OF_CLIENT = replace(AUTH, message=init(0x08))
MAKERS = {
    "rsa": lambda: lab.key("own"),
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "p521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}


def holding(directory, private, **rules) -> tuple[Keyring, lab.Holder]:
    holder = lab.issue(
        lab.authority(), private=private, dns=("vpn.example.net", "*.example.net"), addresses=("192.0.2.50",)
    )
    for name, octets in (("gw.crt", holder.pem), ("gw.key", lab.key_pem(private))):
        (directory / name).write_bytes(octets)
        (directory / name).chmod(0o600)
    fields = {"signs": True, "side": Side.GATEWAY, "versions": (2,), "ecdsa": None, **rules}
    keys = RemoteKeys("gw", (OwnFiles(directory / "gw.crt", directory / "gw.key"),), **fields)
    return Keyring([keys], clock=lambda: lab.NOW), holder


@pytest.mark.parametrize("kind", MAKERS)
def test_every_key_signs_by_all_its_schemes(tmp_path, kind):
    private = MAKERS[kind]()
    ring, _ = holding(tmp_path, private)
    assert lab.errors(ring) == []
    schemes = ring.credential("gw").own[0].schemes
    assert schemes == schemes_of(private)
    for scheme in schemes:
        signature = ring.sign_auth("gw", AUTH, scheme)
        assert verify(private.public_key(), scheme, covered(AUTH), signature.octets)


@pytest.mark.parametrize("kind", MAKERS)
def test_a_scheme_of_another_key_is_refused(tmp_path, kind):
    ring, _ = holding(tmp_path, MAKERS[kind]())
    others = set(SignatureScheme) - set(ring.credential("gw").own[0].schemes)
    assert others
    for scheme in others:
        assert f"nothing is signed: {scheme.value} of remote gw" in ring.sign_auth("gw", AUTH, scheme).reason.text


@pytest.mark.parametrize(("kind", "quick"), list(zip(MAKERS, (False, True, False, False, True), strict=True)))
def test_only_keys_that_are_quick_sign_in_the_event_loop(tmp_path, kind, quick):
    """Whatever the hash is: P-384 and P-521 sign with SHA-256, too."""
    ring, _ = holding(tmp_path, MAKERS[kind]())
    assert {ring.is_quick("gw", scheme) for scheme in ring.credential("gw").own[0].schemes} == {quick}
    assert ring.is_quick("another", SignatureScheme.RSA_SHA256), "it is refused at once"


def test_a_key_of_ed25519_is_none_of_ikev1(tmp_path):
    ring, _ = holding(tmp_path, MAKERS["ed25519"](), versions=(1, 2), ecdsa=False)
    assert "has no RSA key (Ed25519)" in lab.errors(ring)[0]


def test_a_certificate_of_another_key_is_told(tmp_path):
    holding(tmp_path, MAKERS["ed25519"]())
    (tmp_path / "gw.key").write_bytes(lab.key_pem(MAKERS["ed25519"]()))
    keys = RemoteKeys("gw", (OwnFiles(tmp_path / "gw.crt", tmp_path / "gw.key"),), signs=True, ecdsa=None)
    assert "does not belong to certificate" in lab.errors(Keyring([keys], clock=lambda: lab.NOW))[0]


def test_the_identities_are_those_that_the_certificate_vouches_for(tmp_path):
    ring, holder = holding(tmp_path, lab.key("own"))
    assert ring.credential("gw").own[0].identities == (
        Identity(IdKind.FQDN, b"vpn.example.net"),
        Identity(IdKind.IPV4_ADDR, ip_address("192.0.2.50").packed),
        Identity(IdKind.DER_ASN1_DN, holder.subject),
    )


def test_a_common_name_counts_without_alternative_names(tmp_path):
    holder = lab.issue(lab.authority(), private=lab.key("own"))
    (tmp_path / "gw.crt").write_bytes(holder.pem)
    (tmp_path / "gw.key").write_bytes(lab.key_pem(holder.private))
    (tmp_path / "gw.key").chmod(0o600)
    files = OwnFiles(tmp_path / "gw.crt", tmp_path / "gw.key")
    ring = Keyring([RemoteKeys("gw", (files,), signs=True)], clock=lambda: lab.NOW)
    assert ring.credential("gw").own[0].identities[0] == Identity(IdKind.FQDN, b"vpn.example.net")
    assert Keyring(()).credential("gw").own == ()


@pytest.mark.parametrize(
    ("rules", "made_of"),
    [
        ({"signs": False}, AUTH),
        ({"versions": (1,)}, AUTH),
        ({"side": Side.CLIENT}, AUTH),
        ({}, OF_CLIENT),
    ],
)
def test_a_block_signs_only_as_what_it_is(tmp_path, rules, made_of):
    ring, _ = holding(tmp_path, lab.key("own"), **rules)
    assert isinstance(ring.sign_auth("gw", made_of, SignatureScheme.RSA_SHA256), Failure)
    assert isinstance(ring.sign_auth("another", made_of, SignatureScheme.RSA_SHA256), Failure)


def test_a_client_signs_its_own_first_message(tmp_path):
    ring, _ = holding(tmp_path, lab.key("own"), side=Side.CLIENT)
    assert isinstance(ring.sign_auth("gw", OF_CLIENT, SignatureScheme.RSA_SHA256), Signature)


# --- shared keys -----------------------------------------------------------------------------------------------------


def sharing(directory, side: Side = Side.GATEWAY, **rules) -> Keyring:
    path = directory / "psk.txt"
    path.write_bytes(TEXT)
    path.chmod(0o600)
    return Keyring([RemoteKeys("gw", shared_key=True, side=side, **rules)], path)


def asked(identity: Identity | None = None, address: str = "198.51.100.1", **changes) -> KeyedRequest:
    return KeyedRequest(
        **{"remote": "gw", "identity": identity, "address": ip_address(address), "octets": AUTH} | changes
    )


@pytest.mark.parametrize(
    ("request_", "key"),
    [
        (asked(BOB), b"second"),
        (asked(BOB, "192.0.2.7"), b"second"),
        (asked(None, "192.0.2.7"), b"first"),
        (asked(Identity(IdKind.KEY_ID, b"eve"), "192.0.2.7"), b"first"),
        (asked(BOB, octets=OF_CLIENT, client=True), b"second"),
    ],
)
def test_a_gateway_finds_the_key_of_a_client_by_its_identity(tmp_path, request_, key):
    assert sharing(tmp_path).keyed_auth(request_) == Secret(keyed(key, request_.octets))


def test_a_client_finds_the_key_of_the_gateway_that_it_dialled(tmp_path):
    ring = sharing(tmp_path, Side.CLIENT)
    request = asked(BOB, octets=OF_CLIENT, client=True, host="vpn.example.net")
    assert ring.keyed_auth(request) == Secret(keyed(b"of the gateway", OF_CLIENT))


def test_with_verify_identifier_no_line_of_an_address_stands_in(tmp_path):
    ring = sharing(tmp_path, verify_identifier=True)
    assert isinstance(ring.keyed_auth(asked(Identity(IdKind.FQDN, b"eve"), "192.0.2.7")), Failure)


def test_why_there_is_no_key_is_told_here(tmp_path):
    eve = asked(Identity(IdKind.FQDN, b"eve"))
    assert "no key for eve at 198.51.100.1" in sharing(tmp_path).keyed_auth(eve).reason.text
    (tmp_path / "psk.txt").chmod(0o644)
    ring = Keyring([RemoteKeys("gw", shared_key=True, side=Side.GATEWAY)], tmp_path / "psk.txt")
    assert isinstance(ring.keyed_auth(asked(BOB)), Failure)
    assert "path pre_shared_key" in Keyring([RemoteKeys("gw", shared_key=True)]).keyed_auth(asked(BOB)).reason.text


def test_a_missing_key_costs_the_work_of_a_true_one(tmp_path, monkeypatch):
    from lotor.keys import keyring

    made = []
    monkeypatch.setattr(keyring.prf, "keyed", lambda secret, octets: made.append(secret) or b"auth")
    ring = sharing(tmp_path)
    ring.keyed_auth(asked(BOB))
    assert isinstance(ring.keyed_auth(asked(Identity(IdKind.FQDN, b"eve"))), Failure)
    assert len(made) == 2


@pytest.mark.parametrize("rules", [{"versions": (1,)}, {"shared_key": False}])
def test_a_block_that_proves_itself_otherwise_shares_nothing(tmp_path, rules):
    path = tmp_path / "psk.txt"
    path.write_bytes(TEXT)
    path.chmod(0o600)
    ring = Keyring([RemoteKeys("gw", **{"shared_key": True, "side": Side.GATEWAY, **rules})], path)
    assert "does not prove itself by a pre-shared key" in ring.keyed_auth(asked(BOB)).reason.text
