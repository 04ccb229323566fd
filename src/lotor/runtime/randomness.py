"""Randomness of the operating system in the words of the domain; nothing here can be seeded."""

from __future__ import annotations

import secrets

from lotor.crypto import modp
from lotor.crypto.groups import answering_pair, key_pair
from lotor.ike.randomness import KeyPair
from lotor.model.algorithms import KEMS, Group
from lotor.runtime.keypair_pool import KeyPairs

COOKIE_OCTETS = 8
CPIS = range(256, 61440)


class SystemRandomness:
    """`ike.randomness.Randomness` from the kernel's generator. Pairs of curves are so quick that none is made ahead."""

    def __init__(self) -> None:
        self._pairs = KeyPairs(key_pair)

    def cookie(self) -> bytes:
        while True:
            cookie = secrets.token_bytes(COOKIE_OCTETS)
            if any(cookie):
                return cookie

    def nonce(self, size: int) -> bytes:
        return secrets.token_bytes(size)

    def message_id(self) -> int:
        return secrets.randbelow(2**32 - 1) + 1

    def key_pair(self, group: Group) -> KeyPair:
        return self._pairs.take(group) if group in modp.GROUPS else key_pair(group)

    def answering_pair(self, group: Group, peer_public: bytes) -> KeyPair:
        return answering_pair(group, peer_public) if group in KEMS else self.key_pair(group)

    def cpi(self) -> int:
        return secrets.choice(CPIS)

    def sequence(self) -> int:
        return secrets.randbelow(2**31)
