"""What is inside SK and SKF: sealed and opened under the keys of one direction (RFC 7296 §3.14, RFC 5282, RFC 7634)."""

from __future__ import annotations

from collections.abc import Sequence

from lotor import _native
from lotor.crypto import ciphers
from lotor.model.algorithms import Ike2Suite


class Forged(ValueError):  # noqa: N818 - named for what the octets are
    """The ICV does not hold: anyone may have sent this."""


class BadPadding(ValueError):  # noqa: N818 - the same
    """What the peer sealed has a pad length that reaches beyond it."""


class Protection:
    """The keys of one direction of one SA; there is never a second one for the same keys that seals, for it numbers its
    IVs itself. `head` is what stands before the IV in the message as it is sent, with its final lengths: the header,
    and the generic header of SK, or that of SKF with its two numbers."""

    __slots__ = ("_keyed",)

    def __init__(self, suite: Ike2Suite, encryption: bytes, integrity: bytes) -> None:
        """`encryption` is SK_ei or SK_er, with its salt where the cipher has one; `integrity` SK_ai or SK_ar, empty for
        a cipher that authenticates by itself. `ValueError` for keys of a wrong length."""
        if len(encryption) != ciphers.key_octets(suite.cipher, suite.key_bits):
            raise ValueError(f"the encryption key of {suite} has {len(encryption)} octets")
        algorithm = suite.integrity.value if suite.integrity else None
        self._keyed = _native.Protector(suite.cipher.value, algorithm, encryption, integrity)

    def size(self, octets: int) -> int:
        """Octets of IV, ciphertext and ICV for a content of `octets`."""
        return self._keyed.size(octets)

    def room(self, octets: int) -> int:
        """The longest content whose IV, ciphertext and ICV have at most `octets`; 0: none has."""
        return self._keyed.room(octets)

    def seal(self, head: bytes, content: bytes) -> bytes:
        """IV, ciphertext and ICV. The IV is a number that never repeats, and encrypted under the key itself where
        nobody may foresee it (RFC 5282 §3.1; NIST SP 800-38A, appendix C)."""
        return self._keyed.seal_next(head, content)

    def seal_message(
        self, codec: _native.Codec, header: bytes, payloads: Sequence[object], kinds: tuple[int, int], most: int | None
    ) -> tuple[bytes, ...] | None:
        """The datagrams of a whole message by the table of `codec`, sealed as `seal` does it: fragments of at most
        `most` octets where it is longer than that. `kinds`: the types of SK and SKF. None where the table does not say
        how to write it."""
        return self._keyed.seal_message(codec, header, payloads, kinds, most)

    def open_message(
        self, codec: _native.Codec, header: bytes, body: bytes
    ) -> tuple[int, tuple[int, ...], bytes] | None:
        """Of a whole message: the type of the first payload inside, the numbers of a fragment, and the content. None
        unless it is SK or SKF alone, and what its sender sealed."""
        return self._keyed.open_message(codec, header, body)

    def open(self, head: bytes, body: bytes) -> bytes:
        """The content of IV, ciphertext and ICV. `Forged` where it is not what its sender sealed; `BadPadding`."""
        try:
            content = self._keyed.open(head, body)
        except ValueError as bad:
            raise BadPadding(str(bad)) from None
        if content is None:
            raise Forged(f"the ICV of {len(body)} octets does not hold")
        return content
