"""Certificates out of PKCS#7, made by two other hands: the library's and the openssl command."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from itertools import permutations

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from hypothesis import given
from hypothesis import strategies as st

from keys import certificate_lab as lab
from lotor.crypto.certificates import CertificateError
from lotor.crypto.x509.pkcs7 import unwrap_certificates
from lotor.ike.errors import PolicyRefusal
from lotor.ike.v1 import riders
from lotor.ike.v1.riders import received_certificates
from lotor.wire.v1.chain import build_chain, parse_chain
from lotor.wire.v1.payloads import Certificate

CA = lab.authority()
MIDDLE = lab.issue(CA, "middle", subject="Middle", ca=True)
LEAF = lab.issue(MIDDLE)
OTHER = lab.issue(lab.authority("Foreign CA", "foreign"), "other", subject="other")


def wrap(*holders: lab.Holder) -> bytes:
    return pkcs7.serialize_certificates([one.certificate for one in holders], Encoding.DER)


@pytest.mark.parametrize("holders", list(permutations((CA, MIDDLE, LEAF))))
def test_the_leaf_is_first_in_any_order(holders):
    assert unwrap_certificates(wrap(*holders)) == (LEAF.der, MIDDLE.der, CA.der)


def test_what_does_not_belong_to_the_chain_stands_behind_it():
    found = unwrap_certificates(wrap(MIDDLE, LEAF, OTHER))
    assert found in {(LEAF.der, MIDDLE.der, OTHER.der), (OTHER.der, LEAF.der, MIDDLE.der)} | {
        (OTHER.der, MIDDLE.der, LEAF.der)
    }
    assert unwrap_certificates(wrap(CA)) == (CA.der,)


def test_two_that_name_each_other_as_issuers_end():
    first = lab.issue(lab.authority("B", "b"), "a", subject="A")
    second = lab.issue(lab.authority("A", "a"), "b", subject="B")
    assert set(unwrap_certificates(wrap(first, second))) == {first.der, second.der}


def test_a_signed_message_of_another_content():
    builder = pkcs7.PKCS7SignatureBuilder().set_data(b"text")
    builder = builder.add_signer(LEAF.certificate, LEAF.private, hashes.SHA256()).add_certificate(MIDDLE.certificate)
    signed = builder.sign(Encoding.DER, [])
    assert unwrap_certificates(signed) == (LEAF.der, MIDDLE.der)


def openssl(tmp_path, *holders: lab.Holder) -> bytes:
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(b"".join(one.pem for one in holders))
    command = ["openssl", "crl2pkcs7", "-nocrl", "-certfile", str(bundle), "-outform", "DER"]
    return subprocess.run(command, check=True, capture_output=True).stdout


def test_as_openssl_makes_it(tmp_path):
    assert unwrap_certificates(openssl(tmp_path, CA, LEAF, MIDDLE)) == (LEAF.der, MIDDLE.der, CA.der)


def test_what_holds_none(tmp_path):
    with pytest.raises(CertificateError, match="holds 0 certificates"):
        unwrap_certificates(openssl(tmp_path))


def test_too_many():
    assert len(unwrap_certificates(wrap(LEAF, *[issued(number) for number in range(4)]))) == 5
    with pytest.raises(CertificateError, match="holds 6 certificates, not 1 to 5"):
        unwrap_certificates(wrap(LEAF, *[issued(number) for number in range(5)]))


def issued(number: int) -> lab.Holder:
    return lab.issue(CA, "other", subject=f"user {number}")


def test_too_large():
    with pytest.raises(CertificateError, match="16385 octets of PKCS#7 are more than 16384"):
        unwrap_certificates(bytes(16385))


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\x30",
        b"\x30\x00",
        b"\x30\x80",
        b"\x30\x84\0\0\0\0",
        b"\x30\x83\xff\xff\xff",
        wrap(LEAF)[:-1],
        wrap(LEAF) + b"\0",
        wrap(LEAF) * 2,
        wrap(LEAF).replace(bytes.fromhex("2a864886f70d010702"), bytes.fromhex("2a864886f70d010703")),
        LEAF.der,
        LEAF.pem,
        bytes(1000),
    ],
)
def test_what_is_something_else(octets):
    with pytest.raises(CertificateError, match="this is not a readable PKCS#7"):
        unwrap_certificates(octets)


@given(st.integers(0, len(wrap(LEAF)) - 1), st.integers(0, 255))
def test_a_changed_octet_is_refused_or_read_but_nothing_else(place, octet):
    changed = bytearray(wrap(LEAF))
    changed[place] = octet
    with suppress(CertificateError):
        assert len(unwrap_certificates(bytes(changed))) == 1


def test_a_length_beyond_the_end():
    octets = bytearray(wrap(LEAF))
    assert octets[:2] == b"\x30\x82"
    octets[3] = (octets[3] + 1) % 256
    with pytest.raises(CertificateError, match="not a readable PKCS#7"):
        unwrap_certificates(bytes(octets))


def received(*payloads: Certificate) -> tuple[bytes, ...]:
    return received_certificates(parse_chain(*build_chain(payloads)))


def test_payloads_of_a_message():
    """Encoding 1 is PKCS#7, 4 a certificate for signatures; a revocation list (7) and PGP (2) are none."""
    assert received(Certificate(1, wrap(CA, LEAF)), Certificate(4, MIDDLE.der)) == (LEAF.der, CA.der, MIDDLE.der)
    assert received(Certificate(4, LEAF.der), Certificate(1, wrap(MIDDLE))) == (LEAF.der, MIDDLE.der)
    assert received(Certificate(7, b"x"), Certificate(2, wrap(LEAF))) == ()


def test_f8_payloads_are_bounded_before_anything_is_unwrapped(monkeypatch):
    monkeypatch.setattr(riders, "unwrap_certificates", pytest.fail)
    with pytest.raises(PolicyRefusal, match=r"sent 6 certificates of \d+ octets"):
        received(*[Certificate(1, wrap(LEAF))] * 3, *[Certificate(4, LEAF.der)] * 3)
    with pytest.raises(PolicyRefusal, match="sent 2 certificates of 16385 octets"):
        received(Certificate(1, bytes(16000)), Certificate(4, bytes(385)))


def test_what_cannot_be_unwrapped_is_left_to_the_judge():
    assert received(Certificate(1, b"garbage")) == (b"garbage",)
