"""Hashes and HMAC against RFC 2202 and RFC 4231, and against the keys of recorded handshakes."""

from __future__ import annotations

import pytest

import recordings
from lotor.crypto.hashes import digest, hmac, integrity_key_size, size
from lotor.model.algorithms import Hash, Integrity

LONG_KEY = b"\xaa" * 80
LONG_TEXT = b"Test Using Larger Than Block-Size Key - Hash Key First"
NOTHING = b"what do ya want for nothing?"


@pytest.mark.parametrize(
    ("hashing", "key", "text", "expected"),
    [
        (Hash.MD5, b"\x0b" * 16, b"Hi There", "9294727a3638bb1c13f48ef8158bfc9d"),
        (Hash.MD5, b"Jefe", NOTHING, "750c783e6ab0b503eaa86e310a5db738"),
        (Hash.MD5, b"\xaa" * 16, b"\xdd" * 50, "56be34521d144c88dbb8c733f0e8b3f6"),
        (Hash.MD5, LONG_KEY, LONG_TEXT, "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd"),
        (Hash.SHA1, b"\x0b" * 20, b"Hi There", "b617318655057264e28bc0b6fb378c8ef146be00"),
        (Hash.SHA1, b"Jefe", NOTHING, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
        (Hash.SHA1, b"\xaa" * 20, b"\xdd" * 50, "125d7342b9ac11cd91a39af48aa17b4f63f175d3"),
        (Hash.SHA1, LONG_KEY, LONG_TEXT, "aa4ae5e15272d00e95705637ce8a3b55ed402112"),
        (
            Hash.SHA256,
            b"\x0b" * 20,
            b"Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        ),
        (Hash.SHA256, b"Jefe", NOTHING, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        (
            Hash.SHA384,
            b"\x0b" * 20,
            b"Hi There",
            "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6",
        ),
        (
            Hash.SHA512,
            b"\x0b" * 20,
            b"Hi There",
            (
                "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
                "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854"
            ),
        ),
    ],
)
def test_hmac_is_that_of_the_rfcs(hashing, key, text, expected):
    assert hmac(hashing, key, text).hex() == expected
    assert hmac(hashing, key, text[:3], b"", text[3:]).hex() == expected


@pytest.mark.parametrize(
    ("hashing", "expected"),
    [
        (Hash.MD5, "900150983cd24fb0d6963f7d28e17f72"),
        (Hash.SHA1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (Hash.SHA256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ],
)
def test_digest_is_that_of_the_standards(hashing, expected):
    assert digest(hashing, b"a", b"bc").hex() == expected


@pytest.mark.parametrize("hashing", Hash)
def test_sizes_are_those_of_the_values(hashing):
    assert size(hashing) == len(digest(hashing)) == len(hmac(hashing, b"key"))
    assert size(hashing) == integrity_key_size(Integrity(f"hmac_{hashing.value}"))


@pytest.mark.parametrize("name", recordings.NAMES)
def test_recorded_hashes_are_the_prf_of_what_the_peers_say(name):
    sa = recordings.load(name)["ike_sas"][0]
    hashing = Hash(sa["hash"])
    skeyid = bytes.fromhex(sa["SKEYID"])
    for side in "IR":
        assert hmac(hashing, skeyid, bytes.fromhex(sa[f"HASH_{side}_data"])).hex() == sa[f"HASH_{side}"]
