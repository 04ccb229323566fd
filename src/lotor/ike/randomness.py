"""Randomness in the words of the protocol, so that a recorded handshake replays byte for byte and a simulation
repeats."""

from __future__ import annotations

from typing import Protocol

from lotor.model.algorithms import Group


class KeyPair(Protocol):
    """A Diffie-Hellman key pair; `public` is what a KE payload carries, always as long as the group wants."""

    @property
    def group(self) -> Group: ...

    @property
    def public(self) -> bytes: ...

    def agree(self, peer_public: bytes) -> bytes:
        """g^xy as key derivation takes it. `ValueError` when the peer's value is not one of the group."""
        ...


class Randomness(Protocol):
    def cookie(self) -> bytes:
        """8 octets, not all zero."""
        ...

    def nonce(self, size: int) -> bytes: ...

    def message_id(self) -> int:
        """Non-zero, 32 bits."""
        ...

    def key_pair(self, group: Group) -> KeyPair: ...

    def cpi(self) -> int:
        """256 to 61439, those that peers choose (RFC 3173 §3.3)."""
        ...

    def sequence(self) -> int:
        """First DPD sequence number, below 2^31."""
        ...
