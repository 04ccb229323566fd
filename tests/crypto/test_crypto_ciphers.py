"""CBC against RFC 3602, SP 800-67 and every recorded ciphertext."""

from __future__ import annotations

import pytest

import recordings
from lotor.crypto.ciphers import block_size, cbc, is_single_des, key_octets
from lotor.model.algorithms import AEADS, Cipher


@pytest.mark.parametrize(
    ("key", "iv", "plain", "secret"),
    [
        (
            "06a9214036b8a15b512e03d534120006",
            "3dafba429d9eb430b422da802c9fac41",
            b"Single block msg",
            "e353779c1079aeb82708942dbe77181a",
        ),
        (
            "c286696d887c9aa0611bbb3e2025a45a",
            "562e17996d093d28ddb3ba695a2e6f58",
            bytes(range(32)),
            "d296cd94c2cccf8a3a863028b5e1dc0a7586602d253cfff91b8266bea6d61ab1",
        ),
    ],
)
def test_aes_is_that_of_rfc_3602(key, iv, plain, secret):
    key, iv, secret = bytes.fromhex(key), bytes.fromhex(iv), bytes.fromhex(secret)
    assert cbc(Cipher.AES_CBC, key).encrypt(iv, plain) == secret
    assert cbc(Cipher.AES_CBC, key).decrypt(iv, secret) == plain


def test_3des_is_that_of_sp_800_67():
    key = bytes.fromhex("0123456789abcdef23456789abcdef01456789abcdef0123")
    plain, secret = b"The qufck brown fox jump", bytes.fromhex("a826fd8ce53b855fcce21c8112256fe668d5c05dd9b6b900")
    for start in (0, 8, 16):
        block = plain[start : start + 8]
        assert cbc(Cipher.TRIPLE_DES_CBC, key).encrypt(bytes(8), block) == secret[start : start + 8]
    chained = cbc(Cipher.TRIPLE_DES_CBC, key).encrypt(b"\xff" * 8, plain)
    assert chained != secret
    assert cbc(Cipher.TRIPLE_DES_CBC, key).decrypt(b"\xff" * 8, chained) == plain


@pytest.mark.parametrize(
    ("cipher", "key", "plain", "secret"),
    [
        (Cipher.CAMELLIA_CBC, "0123456789abcdeffedcba9876543210", None, "67673138549669730857065648eabe43"),
        (Cipher.BLOWFISH_CBC, "ffffffffffffffff", None, "51866fd5b85ecb8a"),
        (Cipher.CAST_CBC, "0123456712345678234567893456789a", "0123456789abcdef", "238b4fe5847e44b2"),
        (Cipher.CAST_CBC, "01234567123456782345", "0123456789abcdef", "eb6a711a2c02271b"),
        (Cipher.CAST_CBC, "0123456712", "0123456789abcdef", "7ac816d16e9b302e"),
        (Cipher.IDEA_CBC, "00010002000300040005000600070008", "0000000100020003", "11fbed2b01986de5"),
    ],
)
def test_old_ciphers_give_the_published_answers(cipher, key, plain, secret):
    """RFC 3713, Schneier's of Blowfish, RFC 2144, Lai's of IDEA; without a plain text it is the key."""
    key, plain, secret = bytes.fromhex(key), bytes.fromhex(plain or key), bytes.fromhex(secret)
    iv = bytes(block_size(cipher))
    assert cbc(cipher, key).encrypt(iv, plain) == secret
    assert cbc(cipher, key).decrypt(iv, secret) == plain
    with pytest.raises(ValueError, match="key"):
        cbc(cipher, key * 9)


@pytest.mark.parametrize("name", recordings.NAMES)
def test_every_recorded_message_decrypts(name):
    recording = recordings.load(name)
    key = bytes.fromhex(recording["ike_sas"][0]["Ka"])
    sealed = [entry for entry in recording["messages"] if "plain" in entry]
    assert sealed
    for entry in sealed:
        iv, plain, secret = (bytes.fromhex(entry[part]) for part in ("iv", "plain", "raw"))
        if secret[16] == 132:
            continue  # fragments: the ciphertext is that of the whole
        assert cbc(Cipher.AES_CBC, key).decrypt(iv, secret[28:]) == plain
        assert cbc(Cipher.AES_CBC, key).encrypt(iv, plain) == secret[28:]


def test_sizes():
    assert (block_size(Cipher.AES_CBC), block_size(Cipher.TRIPLE_DES_CBC)) == (16, 8)
    assert [key_octets(Cipher.AES_CBC, bits) for bits in (128, 192, 256)] == [16, 24, 32]
    assert key_octets(Cipher.TRIPLE_DES_CBC, 0) == 24
    assert [key_octets(Cipher.AES_GCM_16, bits) for bits in (128, 192, 256)] == [20, 28, 36]
    assert key_octets(Cipher.CHACHA20_POLY1305, 0) == 36


@pytest.mark.parametrize("cipher", sorted(AEADS, key=str))
def test_ciphers_that_authenticate_do_not_encrypt_isakmp(cipher):
    with pytest.raises(ValueError, match=f"{cipher.value} does not encrypt"):
        block_size(cipher)
    with pytest.raises(ValueError, match=f"{cipher.value} does not encrypt"):
        cbc(cipher, bytes(32))


@pytest.mark.parametrize(
    ("cipher", "key", "iv", "data"),
    [
        (Cipher.AES_CBC, 16, 16, 15),
        (Cipher.AES_CBC, 16, 8, 16),
        (Cipher.AES_CBC, 17, 16, 16),
        (Cipher.TRIPLE_DES_CBC, 8, 8, 8),
        (Cipher.TRIPLE_DES_CBC, 16, 8, 8),
        (Cipher.TRIPLE_DES_CBC, 24, 16, 8),
        (Cipher.TRIPLE_DES_CBC, 24, 8, 9),
        (Cipher.IDEA_CBC, 16, 16, 8),
        (Cipher.IDEA_CBC, 16, 8, 9),
    ],
)
def test_wrong_lengths_are_refused(cipher, key, iv, data):
    for work in ("encrypt", "decrypt"):
        with pytest.raises(ValueError, match=r"octets|block length|Invalid"):
            getattr(cbc(cipher, bytes(range(key))), work)(bytes(iv), bytes(data))


@pytest.mark.parametrize("cipher", [Cipher.AES_CBC, Cipher.TRIPLE_DES_CBC, Cipher.IDEA_CBC])
def test_no_octets_are_no_octets(cipher):
    block = block_size(cipher)
    under = cbc(cipher, bytes(range(24 if cipher is Cipher.TRIPLE_DES_CBC else 16)))
    assert under.encrypt(bytes(block), b"") == under.decrypt(bytes(block), b"") == b""


def test_keys_of_3des_that_are_one_of_des_are_known():
    a, b, c = b"abcdefgh", b"ABCDEFGH"[::-1], b"12345678"
    assert not is_single_des(Cipher.TRIPLE_DES_CBC, a + b + c)
    assert not is_single_des(Cipher.TRIPLE_DES_CBC, a + b + a)
    assert not is_single_des(Cipher.TRIPLE_DES_CBC, a + bytes.fromhex("0101010101010101") + c)
    assert is_single_des(Cipher.TRIPLE_DES_CBC, a + a + c)
    assert is_single_des(Cipher.TRIPLE_DES_CBC, a + b + b)
    assert is_single_des(Cipher.TRIPLE_DES_CBC, a + bytes(octet ^ 1 for octet in a) + c)  # parity does not count
    assert not is_single_des(Cipher.AES_CBC, bytes(32))


def test_such_a_key_encrypts_as_one_of_des():
    """With k1 == k2 nothing depends on them."""
    one, other = (cbc(Cipher.TRIPLE_DES_CBC, key * 2 + b"12345678") for key in (b"abcdefgh", b"HGFEDCBA"))
    assert one.encrypt(bytes(8), bytes(16)) == other.encrypt(bytes(8), bytes(16))
