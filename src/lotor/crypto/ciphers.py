"""CBC encryption of ISAKMP messages (RFC 2409 appendix B): bare blocks, the padding is the message's business."""

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
    """Octets of key material; `key_bits` does not count where there is one key length only. Ciphers that authenticate
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


def is_weak(cipher: Cipher, key: bytes) -> bool:
    """Whether a 3DES key is degenerate: two equal parts undo each other, and some parts are their own inverse
    (RFC 2451 §2.3). No AES key is weak."""
    if cipher is not Cipher.TRIPLE_DES_CBC:
        return False
    first, second, third = (_without_parity(key[start : start + 8]) for start in (0, 8, 16))
    return second in (first, third) or bool({first, second, third} & _WEAK_DES_KEYS)


def _without_parity(key: bytes) -> bytes:
    return bytes(octet & 0xFE for octet in key)


_WEAK_DES_KEYS = frozenset(
    _without_parity(bytes.fromhex(key))
    for key in (
        "0101010101010101",
        "fefefefefefefefe",
        "e0e0e0e0f1f1f1f1",
        "1f1f1f1f0e0e0e0e",
        "011f011f010e010e",
        "1f011f010e010e01",
        "01e001e001f101f1",
        "e001e001f101f101",
        "01fe01fe01fe01fe",
        "fe01fe01fe01fe01",
        "1fe01fe00ef10ef1",
        "e01fe01ff10ef10e",
        "1ffe1ffe0efe0efe",
        "fe1ffe1ffe0efe0e",
        "e0fee0fef1fef1fe",
        "fee0fee0fef1fef1",
    )
)
