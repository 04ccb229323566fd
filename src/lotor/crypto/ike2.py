"""What is inside SK and SKF: sealed and opened under the keys of one direction (RFC 7296 §3.14, RFC 5282, RFC 7634)."""

from __future__ import annotations

import hmac as comparing
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from lotor import _native
from lotor.crypto import ciphers
from lotor.crypto.hashes import integrity_key_size
from lotor.model.algorithms import AEADS, Cipher, Ike2Suite, Integrity

TAG = 16
"""Octets of the ICV of a cipher that authenticates by itself."""
COUNTER = 8
"""Octets of its IV, which only must never repeat (RFC 5282 §3.1)."""
_TRUNCATED = {
    Integrity.HMAC_MD5: 12,
    Integrity.HMAC_SHA1: 12,
    Integrity.HMAC_SHA256: 16,
    Integrity.HMAC_SHA384: 24,
    Integrity.HMAC_SHA512: 32,
}


class Forged(ValueError):  # noqa: N818 - named for what the octets are
    """The ICV does not hold: anyone may have sent this."""


class BadPadding(ValueError):  # noqa: N818 - the same
    """What the peer sealed has a pad length that reaches beyond it."""


class Protection(Protocol):
    """The keys of one direction of one SA; there is never a second one for the same keys that seals, for it numbers its
    IVs itself. `head` is what stands before the IV in the message as it is sent, with its final lengths: the header,
    and the generic header of SK, or that of SKF with its two numbers."""

    def size(self, octets: int) -> int:
        """Octets of IV, ciphertext and ICV for a content of `octets`."""
        ...

    def room(self, octets: int) -> int:
        """The longest content whose IV, ciphertext and ICV have at most `octets`; 0 or less: none has."""
        ...

    def seal(self, head: bytes, content: bytes) -> bytes:
        """IV, ciphertext and ICV."""
        ...

    def open(self, head: bytes, body: bytes) -> bytes:
        """The content of IV, ciphertext and ICV. `Forged` where it is not what its sender sealed; `BadPadding`."""
        ...


def protection(suite: Ike2Suite, encryption: bytes, integrity: bytes = b"") -> Protection:
    """`encryption` is SK_ei or SK_er, with its salt where the cipher has one; `integrity` SK_ai or SK_ar, empty for a
    cipher that authenticates by itself. `ValueError` for keys of a wrong length."""
    if suite.cipher in AEADS:
        return _Aead(suite, encryption, integrity)
    return _Cbc(suite, encryption, integrity)


class _Aead:
    __slots__ = ("_aead", "_salt", "_sent")

    def __init__(self, suite: Ike2Suite, encryption: bytes, integrity: bytes) -> None:
        wanted = ciphers.key_octets(suite.cipher, suite.key_bits)
        if len(encryption) != wanted or integrity:
            raise ValueError(f"the keys of {suite} have {len(encryption)} and {len(integrity)} octets")
        key, self._salt = encryption[: -ciphers.AEAD_SALT], encryption[-ciphers.AEAD_SALT :]
        self._aead = AESGCM(key) if suite.cipher is Cipher.AES_GCM_16 else ChaCha20Poly1305(key)
        self._sent = 0

    def size(self, octets: int) -> int:
        return COUNTER + octets + 1 + TAG

    def room(self, octets: int) -> int:
        return octets - COUNTER - 1 - TAG

    def seal(self, head: bytes, content: bytes) -> bytes:
        iv = self._sent.to_bytes(COUNTER, "big")
        self._sent += 1
        return iv + self._aead.encrypt(self._salt + iv, content + b"\0", head)

    def open(self, head: bytes, body: bytes) -> bytes:
        if len(body) <= COUNTER + TAG:
            raise Forged(f"{len(body)} octets are too few for an IV, a pad length and an ICV")
        try:
            text = self._aead.decrypt(self._salt + body[:COUNTER], body[COUNTER:], head)
        except InvalidTag:
            raise Forged("the ICV does not hold") from None
        return _unpad(text)


class _Cbc:
    __slots__ = ("_block", "_cbc", "_hash", "_icv", "_key", "_sent")

    def __init__(self, suite: Ike2Suite, encryption: bytes, integrity: bytes) -> None:
        wanted = ciphers.key_octets(suite.cipher, suite.key_bits)
        if suite.integrity is None:
            raise ValueError(f"{suite} has no integrity")
        if len(encryption) != wanted or len(integrity) != integrity_key_size(suite.integrity):
            raise ValueError(f"the keys of {suite} have {len(encryption)} and {len(integrity)} octets")
        self._cbc = ciphers.cbc(suite.cipher, encryption)
        self._block = ciphers.block_size(suite.cipher)
        self._hash, self._key = suite.integrity.value, integrity
        self._icv = _TRUNCATED[suite.integrity]
        self._sent = 0

    def size(self, octets: int) -> int:
        return self._block + -(-(octets + 1) // self._block) * self._block + self._icv

    def room(self, octets: int) -> int:
        return (octets - self._block - self._icv) // self._block * self._block - 1

    def seal(self, head: bytes, content: bytes) -> bytes:
        iv = self._unpredictable()
        pad = -(len(content) + 1) % self._block
        sealed = iv + self._cbc.encrypt(iv, content + bytes(pad) + bytes([pad]))
        return sealed + _native.hmac(self._hash, self._key, head + sealed)[: self._icv]

    def open(self, head: bytes, body: bytes) -> bytes:
        sealed, icv = body[: -self._icv], body[-self._icv :]
        if len(sealed) < 2 * self._block or len(sealed) % self._block:
            raise Forged(f"{len(body)} octets are no IV, whole blocks and an ICV")
        if not comparing.compare_digest(icv, _native.hmac(self._hash, self._key, head + sealed)[: self._icv]):
            raise Forged("the ICV does not hold")
        return _unpad(self._cbc.decrypt(sealed[: self._block], sealed[self._block :]))

    def _unpredictable(self) -> bytes:
        """A number that never repeats, encrypted under the key itself (NIST SP 800-38A, appendix C)."""
        number = self._sent.to_bytes(self._block, "big")
        self._sent += 1
        return self._cbc.encrypt(bytes(self._block), number)


def _unpad(text: bytes) -> bytes:
    """Any padding is good (RFC 7296 §3.14)."""
    pad = text[-1] + 1
    if pad > len(text):
        raise BadPadding(f"a pad length of {pad - 1} in {len(text)} octets")
    return text[:-pad]
