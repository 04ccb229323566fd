"""AUTH payloads with signatures: recorded ones, both forms of ECDSA, identifiers that are known, and others."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

import recordings_v2 as recordings
from lotor.model.algorithms import SignatureScheme
from lotor.wire.errors import Malformed
from lotor.wire.v2.payloads import Authentication
from lotor.wire.v2.signatures import CLASSIC, authentication, is_signature, read_signature

AUTHS = [(name, each) for name in recordings.NAMES for each in recordings.load(name)["auths"] if each["method"] != 2]
WORDS = {
    "RSA (RFC 7427) sha256": SignatureScheme.RSA_SHA256,
    "RSA (RFC 7427) sha384": SignatureScheme.RSA_SHA384,
    "RSASSA-PSS sha256 salt 32": SignatureScheme.RSA_PSS_SHA256,
    "RSASSA-PSS sha512 salt 64": SignatureScheme.RSA_PSS_SHA512,
    "RSA PKCS#1 v1.5 sha1": SignatureScheme.RSA_SHA1,
    "ECDSA (RFC 7427) sha384": SignatureScheme.ECDSA_SHA384,
    "ECDSA r|s sha256": SignatureScheme.ECDSA_SHA256,
}
SIZES = {SignatureScheme.ECDSA_SHA256: 32, SignatureScheme.ECDSA_SHA384: 48, SignatureScheme.ECDSA_SHA512: 66}


@pytest.mark.parametrize(("name", "auth"), AUTHS)
def test_recorded_signatures_are_read_and_written_again(name, auth):
    payload = Authentication(auth["method"], bytes.fromhex(auth["data"]))
    scheme, signature = read_signature(payload)
    assert scheme is WORDS[auth["verified"]], name
    assert authentication(scheme, signature, classic=auth["method"] != 14) == payload


def test_all_kinds_were_recorded():
    assert {WORDS[auth["verified"]] for _, auth in AUTHS} == set(WORDS.values())


@pytest.mark.parametrize("scheme", [each for each in SignatureScheme if each is not SignatureScheme.RSA_SHA1])
def test_every_scheme_has_an_identifier(scheme):
    payload = authentication(scheme, b"signature")
    assert payload.method == 14
    assert payload.data[0] + 1 + len(b"signature") == len(payload.data)
    assert read_signature(payload) == (scheme, b"signature")


IDENTIFIERS = {
    "sha256 without NULL": ("300b06092a864886f70d01010b", SignatureScheme.RSA_SHA256),
    "ecdsa with NULL": ("300c06082a8648ce3d0403030500", SignatureScheme.ECDSA_SHA384),
    "ed25519": ("300506032b6570", SignatureScheme.ED25519),
    "pss without NULL": (
        (
            "303d06092a864886f70d01010a3030a00d300b0609608648016503040201"
            "a11a301806092a864886f70d010108300b0609608648016503040201a203020120"
        ),
        SignatureScheme.RSA_PSS_SHA256,
    ),
}


@pytest.mark.parametrize(("identifier", "scheme"), IDENTIFIERS.values(), ids=IDENTIFIERS)
def test_other_spellings_are_read(identifier, scheme):
    octets = bytes.fromhex(identifier)
    assert read_signature(Authentication(14, bytes([len(octets)]) + octets + b"s")) == (scheme, b"s")


UNREADABLE = {
    "nothing": (14, b""),
    "no identifier": (14, b"\0signature"),
    "an identifier that is cut": (14, b"\x0f\x30\x0d"),
    "sha1 by RFC 7427": (14, b"\x0f" + bytes.fromhex("300d06092a864886f70d0101050500") + bytes(256)),
    "md5": (14, b"\x0f" + bytes.fromhex("300d06092a864886f70d0101040500") + bytes(256)),
    "pss by its defaults, which are SHA-1": (
        14,
        b"\x0f" + bytes.fromhex("300d06092a864886f70d01010a3000") + bytes(256),
    ),
    "ed448": (14, b"\x07" + bytes.fromhex("300506032b6571") + bytes(114)),
    "a shared key": (2, bytes(32)),
    "NULL": (13, b""),
    "DSS": (3, bytes(40)),
    "r and s too short": (9, bytes(63)),
    "r and s of another curve": (10, bytes(64)),
    "r and s too long": (11, bytes(133)),
    "too long": (1, bytes(2049)),
}


@pytest.mark.parametrize(("method", "data"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_no_signature_of_ours_is_malformed(method, data):
    with pytest.raises(Malformed):
        read_signature(Authentication(method, data))


@pytest.mark.parametrize("scheme", SIZES)
@given(data=st.data())
def test_r_and_s_become_the_sequence_of_a_library_and_back(scheme, data):
    limit = 1 << 8 * SIZES[scheme]
    r, s = (data.draw(st.integers(0, limit - 1)) for _ in range(2))
    plain = b"".join(each.to_bytes(SIZES[scheme], "big") for each in (r, s))
    read = read_signature(Authentication(CLASSIC[scheme], plain))
    assert read == (scheme, encode_dss_signature(r, s))
    assert decode_dss_signature(read[1]) == (r, s)
    assert authentication(*read, classic=True) == Authentication(CLASSIC[scheme], plain)


@pytest.mark.parametrize(
    "sequence",
    [b"", b"\x30", b"\x30\0", bytes.fromhex("3006020101020101ff"), bytes.fromhex("300702020001020101"), b"x" * 70],
)
def test_a_sequence_that_is_none_is_not_sent(sequence):
    with pytest.raises(ValueError, match="sequence of two numbers"):
        authentication(SignatureScheme.ECDSA_SHA256, sequence, classic=True)


def test_some_schemes_need_rfc_7427():
    for scheme in (SignatureScheme.ED25519, SignatureScheme.RSA_SHA256, SignatureScheme.RSA_PSS_SHA256):
        with pytest.raises(ValueError, match="RFC 7427"):
            authentication(scheme, b"s", classic=True)


def test_which_methods_are_signatures():
    assert [method for method in range(20) if is_signature(method)] == [1, 9, 10, 11, 14]
