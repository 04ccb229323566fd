"""CBC encryption of ISAKMP messages (RFC 2409 appendix B). It works on whole blocks; padding belongs to the message."""

from __future__ import annotations

from typing import Protocol

from lotor import _native
from lotor.model.algorithms import AEADS, Cipher

_BLOCKS = {
    Cipher.AES_CBC: 16,
    Cipher.CAMELLIA_CBC: 16,
    Cipher.TRIPLE_DES_CBC: 8,
    Cipher.BLOWFISH_CBC: 8,
    Cipher.CAST_CBC: 8,
    Cipher.IDEA_CBC: 8,
}
_FIXED_KEYS = {Cipher.TRIPLE_DES_CBC: 24, Cipher.IDEA_CBC: 16, Cipher.CHACHA20_POLY1305: 32}
AEAD_SALT = 4


def block_size(cipher: Cipher) -> int:
    """Octets of a block and of an IV. `ValueError` for a cipher that has no CBC."""
    if cipher not in _BLOCKS:
        raise _no_cbc(cipher)
    return _BLOCKS[cipher]


def _no_cbc(cipher: Cipher) -> ValueError:
    return ValueError(f"{cipher.value} does not encrypt ISAKMP messages")


def key_octets(cipher: Cipher, key_bits: int) -> int:
    """Octets of key material; `key_bits` is ignored where the cipher has one key length only. Ciphers that authenticate
    have 4 octets of salt too (RFC 4106 §8.1, RFC 7634 §2)."""
    return _FIXED_KEYS.get(cipher, key_bits // 8) + (AEAD_SALT if cipher in AEADS else 0)


class Cbc(Protocol):
    """CBC under one key, ready for many messages. `ValueError` when IV or data have a wrong length."""

    def encrypt(self, iv: bytes, text: bytes, /) -> bytes: ...

    def decrypt(self, iv: bytes, text: bytes, /) -> bytes:
        """The inverse of `encrypt`; padding stays."""
        ...


def cbc(cipher: Cipher, key: bytes) -> Cbc:
    """RFC 3602 (AES), RFC 4312 (Camellia), RFC 2451 (the others). `ValueError` for a wrong key."""
    if cipher not in _BLOCKS:
        raise _no_cbc(cipher)
    if len(key) != _FIXED_KEYS.get(cipher, len(key)):
        raise ValueError(f"a key of {cipher.value} has {_FIXED_KEYS[cipher]} octets, not {len(key)}")
    return _native.Cbc(cipher.value, key)


def is_single_des(cipher: Cipher, key: bytes) -> bool:
    """Whether a 3DES key is no stronger than one of DES: its first or last two parts are equal but for parity, and undo
    each other. Such a key must be rejected (RFC 2451 §2.3). That section sees no need to look for weak keys of DES."""
    if cipher is not Cipher.TRIPLE_DES_CBC:
        return False
    first, second, third = (bytes(octet & 0xFE for octet in key[start : start + 8]) for start in (0, 8, 16))
    return second in (first, third)
