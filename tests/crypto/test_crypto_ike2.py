"""What SK and SKF hold: every encrypted message of the recordings is opened, and what is sealed opens again."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

import recordings_v2 as recordings
from lotor.crypto.ike2 import BadPadding, Forged, Protection
from lotor.model.algorithms import Cipher, Group, Hash, Ike2Suite, Integrity

SKF = 53
SUITES = [
    Ike2Suite(cipher, bits, integrity, Hash.SHA256, Group.CURVE25519)
    for cipher, bits, integrity in (
        (Cipher.AES_CBC, 128, Integrity.HMAC_SHA256),
        (Cipher.AES_CBC, 256, Integrity.HMAC_SHA384),
        (Cipher.AES_CBC, 192, Integrity.HMAC_SHA512),
        (Cipher.TRIPLE_DES_CBC, 0, Integrity.HMAC_SHA1),
        (Cipher.AES_GCM_16, 128, None),
        (Cipher.AES_GCM_16, 256, None),
        (Cipher.CHACHA20_POLY1305, 0, None),
    )
]


def keys_of(suite):
    if suite.integrity is None:
        return bytes(range((suite.key_bits or 256) // 8 + 4)), b""
    sizes = {
        Integrity.HMAC_SHA1: 20,
        Integrity.HMAC_SHA256: 32,
        Integrity.HMAC_SHA384: 48,
        Integrity.HMAC_SHA512: 64,
    }
    return bytes(range((suite.key_bits or 192) // 8)), b"a" * sizes[suite.integrity]


def protect(suite):
    return Protection(suite, *keys_of(suite))


def every_suite(test):
    return pytest.mark.parametrize("suite", SUITES, ids=str)(test)


@pytest.mark.parametrize("name", recordings.NAMES)
def test_every_recorded_message_is_opened(name):
    opened = 0
    for message in recordings.load(name)["messages"]:
        if "plain" not in message or "retransmission_of" in message:
            continue
        raw, plain = recordings.octets(message, "raw", "plain")
        sa = recordings.ike_sa(name, [raw[:8].hex(), raw[8:16].hex()])
        which = "ir"[not message["initiator"]]
        encryption, integrity = recordings.octets(sa, f"SK_e{which}", f"SK_a{which}")
        head = raw[: 36 if raw[16] == SKF else 32]
        keys = Protection(recordings.ike_suite(sa["transforms"]), encryption, integrity)
        content = keys.open(head, raw[len(head) :])
        assert content == plain[: -1 - plain[-1]]
        assert keys.size(len(content)) == len(raw) - len(head)
        opened += 1
    assert opened


@every_suite
@given(content=st.binary(max_size=80), head=st.binary(max_size=40))
def test_what_is_sealed_opens_again(suite, content, head):
    keys = protect(suite)
    body = keys.seal(head, content)
    assert len(body) == keys.size(len(content))
    assert protect(suite).open(head, body) == content


@every_suite
def test_room_is_the_longest_content_of_a_size(suite):
    keys = protect(suite)
    for octets in range(100, 180):
        assert keys.size(keys.room(octets)) <= octets < keys.size(keys.room(octets) + 1)
    assert keys.room(10) <= 0


@every_suite
def test_any_changed_octet_is_forged(suite):
    keys, head = protect(suite), b"header of the message"
    body = keys.seal(head, b"content")
    for place in range(len(body)):
        changed = bytearray(body)
        changed[place] ^= 0x80
        with pytest.raises(Forged):
            keys.open(head, bytes(changed))
    with pytest.raises(Forged):
        keys.open(b"Header of the message", body)


@every_suite
def test_too_few_octets_are_forged(suite):
    keys = protect(suite)
    body = keys.seal(b"", b"")
    assert len(body) > 20
    for size in range(len(body)):
        with pytest.raises(Forged):
            keys.open(b"", body[:size])


@every_suite
def test_no_iv_is_ever_used_twice(suite):
    keys = protect(suite)
    size = 8 if suite.integrity is None or suite.cipher is Cipher.TRIPLE_DES_CBC else 16
    ivs = [keys.seal(b"", b"x")[:size] for _ in range(300)]
    assert len(set(ivs)) == 300
    if suite.integrity is not None:
        assert len({iv[: size // 2] for iv in ivs}) == 300


def test_a_pad_length_beyond_the_content_is_told_from_forgery():
    suite = SUITES[4]
    keys = protect(suite)
    encryption, _ = keys_of(suite)
    sealed = AESGCM(encryption[:-4]).encrypt(encryption[-4:] + bytes(8), b"ab\3", b"")
    with pytest.raises(BadPadding, match="3 in 3"):
        keys.open(b"", bytes(8) + sealed)
    sealed = AESGCM(encryption[:-4]).encrypt(encryption[-4:] + bytes(8), b"ab\2", b"")
    assert keys.open(b"", bytes(8) + sealed) == b""


@every_suite
def test_keys_of_a_wrong_length_are_refused(suite):
    encryption, integrity = keys_of(suite)
    with pytest.raises(ValueError, match="octets"):
        Protection(suite, encryption + b"x", integrity)
    with pytest.raises(ValueError, match="octets"):
        Protection(suite, encryption, integrity + b"x")
