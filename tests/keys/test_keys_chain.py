"""Who is refused because of the certificate itself, and with which words."""

from __future__ import annotations

import subprocess
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import hashes

from keys import certificate_lab as lab
from keys.conftest import prove
from lotor.model.judgement import Trusted, Untrusted

DAY = timedelta(days=1)


def refused(verdict, *words: str) -> str:
    assert isinstance(verdict, Untrusted), verdict
    for word in words:
        assert word in verdict.why, verdict.why
    return verdict.why


def test_the_right_gateway_is_trusted(client, ca, gateway):
    assert client.judge(gateway, ca) == Trusted("CN=vpn.example.net")


def test_a_certificate_of_the_howto_without_any_extension_but_basic_constraints(client, ca):
    gateway = lab.issue(ca, subject="C=XX, O=Flying pigs, CN=192.0.2.50")
    assert isinstance(client.judge(gateway, ca, proof={"host": None}), Trusted)


def test_expired(client, ca):
    gateway = lab.issue(ca, end=lab.NOW - DAY)
    refused(client.judge(gateway, ca), "CN=vpn.example.net expired on 2040-05-31 12:00 UTC", "renew")


def test_not_yet_valid(client, ca):
    gateway = lab.issue(ca, start=lab.NOW + DAY)
    refused(client.judge(gateway, ca), "valid only from 2040-06-02 12:00 UTC", "clock says 2040-06-01 12:00 UTC")


def test_expired_authority(client):
    old = lab.authority(end=lab.NOW - DAY)
    refused(client.judge(lab.issue(old), old), "CN=Lab CA expired on 2040-05-31")


def test_another_authority_of_the_same_name(client, ca):
    impostor = lab.authority(label="impostor")
    refused(client.judge(lab.issue(impostor), ca), "another authority of the same name", "ca.crt")


def test_the_impostors_own_authority_in_the_chain_does_not_help(client, ca):
    impostor = lab.authority(label="impostor")
    gateway = lab.issue(impostor)
    refused(client.judge(gateway, ca, proof={"chain": (gateway.der, impostor.der)}), "CN=Lab CA")


def test_unknown_issuer_names_both(client, ca):
    foreign = lab.authority("Foreign CA", "foreign")
    refused(client.judge(lab.issue(foreign), ca), "issued by CN=Foreign CA", "only CN=Lab CA of", "ca_type")


def test_self_signed_shows_the_fingerprint(client, ca):
    gateway = lab.self_signed()
    fingerprint = gateway.certificate.fingerprint(hashes.SHA256()).hex(":").upper()
    refused(client.judge(gateway, ca), "is self-signed", fingerprint, "peers_certfile")


def test_self_signed_is_refused_even_as_its_own_anchor(client):
    gateway = lab.authority("vpn.example.net", "gateway")
    refused(client.judge(gateway, gateway), "is self-signed")


def test_issued_by_an_ordinary_certificate(client, ca):
    user = lab.issue(ca, "mallory", subject="mallory")
    gateway = lab.issue(user)
    why = refused(client.judge(gateway, ca, proof={"chain": (gateway.der, user.der)}), "CN=mallory")
    assert "not a CA" in why


def test_issued_by_a_certificate_without_basic_constraints(client, ca):
    user = lab.issue(ca, "mallory", subject="mallory", ca=None)
    gateway = lab.issue(user)
    refused(client.judge(gateway, ca, proof={"chain": (gateway.der, user.der)}), "CN=mallory", "not a CA")


def test_an_authority_without_the_right_to_sign_certificates(client, ca):
    middle = lab.issue(ca, "middle", subject="Middle", ca=True, sign_certificates=False)
    gateway = lab.issue(middle)
    refused(client.judge(gateway, ca, proof={"chain": (gateway.der, middle.der)}), "CN=Middle", "not a CA")


def test_an_intermediate_of_the_chain_is_used(client, ca):
    middle = lab.issue(ca, "middle", subject="Middle", ca=True, sign_certificates=True)
    gateway = lab.issue(middle)
    assert isinstance(client.judge(gateway, ca, proof={"chain": (gateway.der, middle.der)}), Trusted)
    refused(client.judge(gateway, ca), "issued by CN=Middle")


def test_path_length_is_honoured(client):
    short = lab.authority(path_length=0)
    middle = lab.issue(short, "middle", subject="Middle", ca=True)
    gateway = lab.issue(middle)
    refused(client.judge(gateway, short, proof={"chain": (gateway.der, middle.der)}))


def test_name_constraints_are_honoured(client):
    narrow = lab.authority(permitted=("example.org",))
    refused(client.judge(lab.issue(narrow, dns=("vpn.example.net",)), narrow))
    assert isinstance(
        client.judge(lab.issue(narrow, dns=("vpn.example.org",)), narrow, proof={"host": "vpn.example.org"}), Trusted
    )


def test_name_constraints_are_not_passed_by_with_a_common_name(client):
    narrow = lab.authority(permitted=("example.org",))
    refused(client.judge(lab.issue(narrow, subject="vpn.example.net"), narrow), "not vpn.example.net")


@pytest.mark.parametrize("digest", ["sha1", "md5"])
def test_weak_digest(client, ca, gateway, digest, tmp_path):
    der = _signed_with(ca, digest, tmp_path)
    refused(client.judge(gateway, ca, proof={"chain": (der,)}), f"signed with {digest}", "SHA-256")


def _signed_with(ca, digest, directory) -> bytes:
    """By openssl: the library that the tests use makes no such certificates any more."""
    for name, octets in (
        ("ca.pem", ca.pem),
        ("ca.key", lab.key_pem(ca.private)),
        ("gw.key", lab.key_pem(lab.key("gateway"))),
        ("extensions", b"basicConstraints=CA:FALSE\n"),
    ):
        (directory / name).write_bytes(octets)
    for command in (
        "req -new -key gw.key -subj /CN=vpn.example.net -out gw.csr",
        f"x509 -req -{digest} -in gw.csr -CA ca.pem -CAkey ca.key -set_serial 7 -days 9000 -extfile extensions -out gw",
        "x509 -in gw -outform DER -out gw.der",
    ):
        subprocess.run(["openssl", *command.split()], cwd=directory, check=True, capture_output=True)
    return (directory / "gw.der").read_bytes()


def test_weak_key(client, ca):
    gateway = lab.issue(ca, private=lab.key("weak", 1024))
    refused(client.judge(gateway, ca), "1024 bits", "2048")


def test_low_exponent(client, ca):
    gateway = lab.issue(ca, private=lab.key("three", 2048, 3))
    refused(client.judge(gateway, ca), "exponent 3")


def test_elliptic_key(client, ca, gateway):
    from cryptography.hazmat.primitives.asymmetric import ec

    elliptic = lab.issue(ca, private=ec.generate_private_key(ec.SECP256R1()))
    refused(client.judge(gateway, ca, proof={"chain": (elliptic.der,)}), "no RSA key")


def test_no_certificate(client, ca, gateway):
    refused(client.judge(gateway, ca, proof={"chain": ()}), "sent no certificate")


@pytest.mark.parametrize("octets", [b"", b"\x30", b"\x30\x80" * 40, bytes(300), b"\x30\x84\xff\xff\xff\xff"])
def test_rubbish_for_a_certificate(client, ca, gateway, octets):
    refused(client.judge(gateway, ca, proof={"chain": (octets,)}), "cannot be read")


def test_every_cut_certificate_is_refused(client, ca, gateway):
    keyring = client.keyring(ca)
    for length in range(0, len(gateway.der), 7):
        refused(keyring.judge(prove(gateway, chain=(gateway.der[:length],))))


def test_every_changed_octet_is_refused(client, ca, gateway):
    keyring = client.keyring(ca)
    for place in range(0, len(gateway.der), 5):
        changed = bytearray(gateway.der)
        changed[place] ^= 0x41
        assert isinstance(keyring.judge(prove(gateway, chain=(bytes(changed),))), Untrusted), place


def test_rubbish_among_the_intermediates_does_no_harm(client, ca, gateway):
    assert isinstance(client.judge(gateway, ca, proof={"chain": (gateway.der, b"\x30\x03rub")}), Trusted)


def test_a_long_chain_is_not_looked_at(client, ca, gateway):
    refused(client.judge(gateway, ca, proof={"chain": (gateway.der,) * 11}), "sent 11 certificates")


def test_ten_useless_certificates_of_one_name_end_soon(client, ca):
    """Each could have issued each other by name."""
    twins = [lab.issue(ca, f"twin{number}", subject="Lab CA", ca=True) for number in range(3)]
    gateway = lab.issue(lab.authority("Foreign CA", "foreign"))
    refused(client.judge(gateway, ca, proof={"chain": (gateway.der, *(twin.der for twin in twins))}))


def test_verify_cert_off_leaves_the_signature(client, ca, gateway):
    stranger = lab.self_signed(subject="somebody")
    assert isinstance(client.judge(stranger, verify_cert=False), Trusted)
    refused(client.judge(stranger, verify_cert=False, proof={"signature": bytes(256)}), "signature")


def test_a_block_that_is_not_there(client, ca, gateway):
    refused(client.judge(gateway, ca, proof={"remote": "other"}), "other")
