"""Randomness as the domain asks for it, so that a recorded handshake replays byte for byte and a simulation repeats."""

from __future__ import annotations

from typing import Protocol

from lotor.model.algorithms import Group


class KeyPair(Protocol):
    """A Diffie-Hellman key pair; `public` is left-padded to the group's length."""

    @property
    def public(self) -> bytes: ...

    def agree(self, peer_public: bytes) -> bytes:
        """g^xy, left-padded. `ValueError` when the peer's value has the wrong length or is not in 2..p-2."""
        ...


class Dice(Protocol):
    def cookie(self) -> bytes:
        """8 octets, not all zero."""
        ...

    def nonce(self, size: int) -> bytes: ...

    def message_id(self) -> int:
        """Non-zero, 32 bits."""
        ...

    def key_pair(self, group: Group) -> KeyPair: ...

    def sequence(self) -> int:
        """First DPD sequence number, below 2^31."""
        ...
