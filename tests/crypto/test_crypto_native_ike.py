"""`Protector` and `prf_plus` of the native module against another library, and against recorded messages."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

import recordings_v2 as recordings
from lotor._native import Protector, prf_plus

HEAD = bytes(range(32))
HASHES = {"hmac_sha1": (20, 12), "hmac_sha256": (32, 16), "hmac_sha384": (48, 24), "hmac_sha512": (64, 32)}


@pytest.mark.parametrize(("name", "octets"), [("aes_gcm_16", 16), ("aes_gcm_16", 32), ("chacha20_poly1305", 32)])
def test_an_aead_seals_as_another_library(name, octets):
    key, salt, iv = bytes(range(octets)), b"salt", bytes(8)
    other = AESGCM(key) if name == "aes_gcm_16" else ChaCha20Poly1305(key)
    protector = Protector(name, None, key + salt, b"")
    for content in (b"", b"content", bytes(1200)):
        sealed = iv + other.encrypt(salt + iv, content + b"\0", HEAD)
        assert protector.seal(HEAD, iv, content) == sealed
        assert protector.size(len(content)) == len(sealed)
        padded = iv + other.encrypt(salt + iv, content + b"abc\x03", HEAD)
        assert protector.open(HEAD, padded) == content


@pytest.mark.parametrize("bits", [128, 256])
@pytest.mark.parametrize("name", HASHES)
def test_cbc_with_hmac_seals_as_another_library(name, bits):
    key, (octets, icv) = bytes(range(bits // 8)), HASHES[name]
    proof, iv = bytes(range(100, 100 + octets)), bytes(range(50, 66))
    protector = Protector("aes", name, key, proof)
    for content in (b"", b"fifteen octets!", b"sixteen octets!!", bytes(1200)):
        pad = -(len(content) + 1) % 16
        encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
        text = iv + encryptor.update(content + bytes(pad) + bytes([pad])) + encryptor.finalize()
        sealed = text + hmac.digest(proof, HEAD + text, name.removeprefix("hmac_"))[:icv]
        assert protector.seal(HEAD, iv, content) == sealed
        assert protector.size(len(content)) == len(sealed)
        assert protector.open(HEAD, sealed) == content
        assert protector.open(HEAD[:-1] + b"x", sealed) is None


@pytest.mark.parametrize("name", recordings.NAMES)
def test_recorded_messages_open(name):
    opened = 0
    for message in recordings.load(name)["messages"]:
        if not message.get("plain"):
            continue
        raw, plain, iv = recordings.octets(message, "raw", "plain", "iv")
        association = recordings.ike_sa(name, [raw[:8].hex(), raw[8:16].hex()])
        at = len(raw) - len(plain) - icv_of(association) - len(iv)
        protector = protector_of(association, "i" if message["initiator"] else "r")
        assert protector.open(raw[:at], raw[at:]) == plain[: len(plain) - 1 - plain[-1]]
        opened += 1
    assert opened > 1


def icv_of(association: dict) -> int:
    integrity = recordings.ike_suite(association["transforms"]).integrity
    return HASHES[integrity.value][1] if integrity else 16


def protector_of(association: dict, side: str) -> Protector:
    suite = recordings.ike_suite(association["transforms"])
    keys = recordings.octets(association, f"SK_e{side}", f"SK_a{side}")
    return Protector(suite.cipher.value, suite.integrity and suite.integrity.value, *keys)


@pytest.mark.parametrize("name", ["md5", "sha1", "sha256", "sha384", "sha512"])
def test_prf_plus_is_that_of_the_rfc(name):
    key, seed, blocks = bytes(range(150)), bytes(range(80)), [b""]
    for number in range(1, 256):
        blocks.append(hmac.digest(key, blocks[-1] + seed + bytes([number]), name))
    whole = b"".join(blocks)
    assert len(whole) == 255 * hashlib.new(name).digest_size
    for octets in (0, 1, 64, 65, len(whole)):
        assert prf_plus(name, key, seed, octets) == whole[:octets]
    with pytest.raises(ValueError, match=f"prf\\+ ends before {len(whole) + 1} octets of {name}"):
        prf_plus(name, key, seed, len(whole) + 1)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="no ESP suite has AesCbc with 120 bits"):
        Protector("aes", "hmac_sha256", bytes(16)[:15], bytes(32))
    with pytest.raises(ValueError, match="integrity key has 31 octets"):
        Protector("aes", "hmac_sha256", bytes(16), bytes(31))
    with pytest.raises(ValueError, match="the IV has 7 octets, the suite wants 8"):
        Protector("aes_gcm_16", None, bytes(20), b"").seal(HEAD, bytes(7), b"")
    with pytest.raises(OSError, match="knows no cipher rot13"):
        Protector("rot13", None, bytes(20), b"")
    sealed = bytes(8) + AESGCM(bytes(16)).encrypt(bytes(12), b"\x01", HEAD)
    with pytest.raises(ValueError, match="a pad length of 1 in 1 octets"):
        Protector("aes_gcm_16", None, bytes(20), b"").open(HEAD, sealed)
    for cut in range(len(sealed)):
        assert Protector("aes_gcm_16", None, bytes(20), b"").open(HEAD, sealed[:cut]) is None
