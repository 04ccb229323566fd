"""Names of certificates as text: those of recorded peers, and refusal of everything else."""

from __future__ import annotations

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

import recordings
from lotor.wire.distinguished import name_text
from lotor.wire.errors import Malformed

CA = x509.load_pem_x509_certificate((recordings.VECTORS / "hybrid-aggressive-vpnc" / "ca.pem").read_bytes())
NAME = CA.subject.public_bytes()


def test_a_recorded_name_reads_in_its_order():
    pairs = [(attribute.rfc4514_attribute_name, attribute.value) for attribute in CA.subject]
    assert len(pairs) > 1
    assert name_text(NAME) == ", ".join(f"{kind}={value}" for kind, value in pairs)


@pytest.mark.parametrize("size", range(1, len(NAME)))
def test_a_cut_name_is_malformed(size):
    with pytest.raises(Malformed):
        name_text(NAME[:size])


@pytest.mark.parametrize("octets", ["", "30", "3080", "3005", "30840000000001", "3100", "30023000", "3002310030"])
def test_what_is_no_name_is_malformed(octets):
    with pytest.raises(Malformed):
        name_text(bytes.fromhex(octets))


def test_endless_names_are_refused():
    parts = bytes.fromhex("3100") * 100
    with pytest.raises(Malformed, match="not a distinguished name"):
        name_text(b"\x30\x81" + bytes([len(parts)]) + parts)


@given(st.binary(max_size=60), st.integers(0, len(NAME) - 1), st.integers(0, 255))
def test_any_octets_are_a_name_or_malformed(octets, place, changed):
    for candidate in (octets, NAME[:place] + bytes([changed]) + NAME[place + 1 :]):
        try:
            text = name_text(candidate)
        except Malformed:
            continue
        assert isinstance(text, str)


@pytest.mark.parametrize(
    ("identifier", "word"),
    [
        ("550405", "serialNumber"),
        ("0992268993f22c640101", "UID"),
        ("2b0601040186bf0103", "1.3.6.1.4.1.106369.3"),
        ("8837", "2.999"),
        ("", "0"),
        ("55048003", "55048003"),
        ("55040380", "55040380"),
        ("80550403", "80550403"),
        ("ff" * 40000, "ff" * 40000),
    ],
)
def test_a_type_reads_as_its_name_or_its_numbers(identifier, word):
    value = _tlv(0x06, bytes.fromhex(identifier)) + _tlv(0x0C, b"x")
    assert name_text(_tlv(0x30, _tlv(0x31, _tlv(0x30, value)))) == f"{word}=x"


def _tlv(tag: int, content: bytes) -> bytes:
    return bytes((tag, 0x82)) + len(content).to_bytes(2, "big") + content
