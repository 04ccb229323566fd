"""What is inside SK and SKF: sealed and opened under the keys of one direction (RFC 7296 §3.14, RFC 5282, RFC 7634)."""

from __future__ import annotations

from lotor import _native
from lotor.crypto import ciphers
from lotor.model.algorithms import AEADS, Ike2Suite

COUNTER = 8
"""Octets of the IV of a cipher that authenticates by itself, which only must never repeat (RFC 5282 §3.1)."""


class Forged(ValueError):  # noqa: N818 - named for what the octets are
    """The ICV does not hold: anyone may have sent this."""


class BadPadding(ValueError):  # noqa: N818 - the same
    """What the peer sealed has a pad length that reaches beyond it."""


class Protection:
    """The keys of one direction of one SA; there is never a second one for the same keys that seals, for it numbers its
    IVs itself. `head` is what stands before the IV in the message as it is sent, with its final lengths: the header,
    and the generic header of SK, or that of SKF with its two numbers."""

    __slots__ = ("_around", "_cbc", "_keyed", "_sent", "_step")

    def __init__(self, suite: Ike2Suite, encryption: bytes, integrity: bytes) -> None:
        """`encryption` is SK_ei or SK_er, with its salt where the cipher has one; `integrity` SK_ai or SK_ar, empty for
        a cipher that authenticates by itself. `ValueError` for keys of a wrong length."""
        if len(encryption) != ciphers.key_octets(suite.cipher, suite.key_bits):
            raise ValueError(f"the encryption key of {suite} has {len(encryption)} octets")
        algorithm = suite.integrity.value if suite.integrity else None
        self._keyed = _native.Protector(suite.cipher.value, algorithm, encryption, integrity)
        self._cbc = None if suite.cipher in AEADS else ciphers.cbc(suite.cipher, encryption)
        self._step = 1 if self._cbc is None else ciphers.block_size(suite.cipher)
        self._around = self._keyed.size(0) - self._step
        self._sent = 0

    def size(self, octets: int) -> int:
        """Octets of IV, ciphertext and ICV for a content of `octets`."""
        return self._keyed.size(octets)

    def room(self, octets: int) -> int:
        """The longest content whose IV, ciphertext and ICV have at most `octets`; 0 or less: none has."""
        return (octets - self._around) // self._step * self._step - 1

    def seal(self, head: bytes, content: bytes) -> bytes:
        """IV, ciphertext and ICV."""
        number, self._sent = self._sent, self._sent + 1
        if self._cbc is None:
            return self._keyed.seal(head, number.to_bytes(COUNTER, "big"), content)
        return self._keyed.seal(head, _unpredictable(self._cbc, self._step, number), content)

    def open(self, head: bytes, body: bytes) -> bytes:
        """The content of IV, ciphertext and ICV. `Forged` where it is not what its sender sealed; `BadPadding`."""
        try:
            content = self._keyed.open(head, body)
        except ValueError as bad:
            raise BadPadding(str(bad)) from None
        if content is None:
            raise Forged(f"the ICV of {len(body)} octets does not hold")
        return content


def _unpredictable(cbc: ciphers.Cbc, block: int, number: int) -> bytes:
    """A number that never repeats, encrypted under the key itself (NIST SP 800-38A, appendix C)."""
    return cbc.encrypt(bytes(block), number.to_bytes(block, "big"))
