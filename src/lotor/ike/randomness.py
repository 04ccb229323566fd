"""Randomness in the words of the protocol, so that a recorded handshake replays byte for byte and a simulation
repeats."""

from __future__ import annotations

from typing import Protocol

from lotor.model.algorithms import Group


class KeyPair(Protocol):
    """A key pair of Diffie-Hellman or of a KEM; `public` is what a KE payload carries, always as long as the group
    wants: of a responder with a KEM the ciphertext."""

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

    def key_pair(self, group: Group) -> KeyPair:
        """The initiator's; a responder may take it where the group is none of `KEMS`."""
        ...

    def answering_pair(self, group: Group, peer_public: bytes) -> KeyPair:
        """The responder's, which agrees with `peer_public` only where the group is one of `KEMS`. `ValueError` when the
        initiator's value is none of a KEM."""
        ...

    def cpi(self) -> int:
        """256 to 61439, those that peers choose (RFC 3173 §3.3)."""
        ...

    def sequence(self) -> int:
        """First DPD sequence number, below 2^31."""
        ...
