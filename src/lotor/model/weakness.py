"""Algorithms that work but are weak: why, and what to use instead. All warnings and advice are taken from here."""

from __future__ import annotations

from lotor.model.algorithms import SHORT_BLOCKS, Cipher, Group, Hash, Integrity
from lotor.model.frozen import frozen

Named = Cipher | Hash | Integrity | Group


@frozen
class Weakness:
    """`instead` as a configuration names it. `bearable`: no attack on what IKE makes of it is known, and peers that
    know nothing better are worth a connection."""

    why: str
    instead: str
    bearable: bool = False

    def __str__(self) -> str:
        return f"{self.why}; use {self.instead}"


_LARGER = "modp2048 (14) or higher"

WEAK: dict[Named, Weakness] = {
    **{each: Weakness("its 64-bit blocks repeat in long connections", "aes") for each in SHORT_BLOCKS},
    Cipher.TRIPLE_DES_CBC: Weakness("its 64-bit blocks repeat in long connections, and it is slow", "aes"),
    Hash.MD5: Weakness("MD5 is broken", "sha256"),
    Hash.SHA1: Weakness("SHA-1 is on its way out", "sha256", bearable=True),
    Integrity.HMAC_MD5: Weakness("MD5 is broken", "hmac_sha256"),
    Integrity.HMAC_SHA1: Weakness("SHA-1 is on its way out", "hmac_sha256", bearable=True),
    Group.MODP1024: Weakness("1024-bit Diffie-Hellman is within reach of a rich attacker", _LARGER),
    Group.MODP1536: Weakness("1536-bit Diffie-Hellman is too short by now", _LARGER),
}
