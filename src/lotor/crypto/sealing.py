"""Octets that only who has the key can read or make: ChaCha20-Poly1305 (RFC 8439) with a drawn nonce in front."""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from lotor.model.secret import Secret

KEY_OCTETS = 32
NONCE_OCTETS = 12
"""Drawn for each message: among 2^32 messages of one key two alike are met once in 2^33 such keys."""


def seal(key: Secret, text: bytes, bound: bytes) -> bytes:
    """`bound` is not in it, and must be the same at `unseal`. `ValueError` for a key of another length."""
    nonce = os.urandom(NONCE_OCTETS)
    return nonce + ChaCha20Poly1305(key.reveal()).encrypt(nonce, text, bound)


def unseal(key: Secret, sealed: bytes, bound: bytes) -> bytes | None:
    """None for what was not sealed with this key and `bound`."""
    nonce, rest = sealed[:NONCE_OCTETS], sealed[NONCE_OCTETS:]
    if len(nonce) < NONCE_OCTETS:
        return None
    try:
        return ChaCha20Poly1305(key.reveal()).decrypt(nonce, rest, bound)
    except InvalidTag:
        return None
