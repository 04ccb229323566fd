"""Diffie-Hellman by the groups of the model: which file computes which group."""

from __future__ import annotations

from lotor.crypto import curves, modp
from lotor.crypto.curves import CURVES, Curve25519KeyPair, EcpKeyPair
from lotor.crypto.modp import ModpKeyPair
from lotor.model.algorithms import Group

QUICK = frozenset({Group.MODP1024, Group.ECP256, Group.CURVE25519})
"""Groups whose agreement takes under 0.1 ms: cheaper to compute inline than to hand to a thread."""

KeyPair = ModpKeyPair | EcpKeyPair | Curve25519KeyPair


def key_pair(group: Group, private: int | None = None) -> KeyPair:
    """A fresh key pair, or the one of a known private value (recorded handshakes)."""
    if group in CURVES:
        return EcpKeyPair(group, private)
    if group is Group.CURVE25519:
        return Curve25519KeyPair(private)
    return ModpKeyPair(group, private)


def check_public(group: Group, peer_public: bytes) -> None:
    """Checks that a peer's value is one of the group, before a key pair of our own is made. It takes microseconds, and
    some 50 on the ECP curves. `ValueError` says what is wrong."""
    (modp if group in modp.GROUPS else curves).check_public(group, peer_public)
