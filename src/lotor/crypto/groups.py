"""Key exchange by the groups of the model: which file computes which group."""

from __future__ import annotations

from lotor.crypto import curves, kem, modp
from lotor.crypto.curves import CURVES, Curve25519KeyPair, EcpKeyPair
from lotor.crypto.kem import KemAnswer, KemKeyPair
from lotor.crypto.modp import ModpKeyPair
from lotor.model.algorithms import KEMS, Group

QUICK = frozenset({Group.MODP1024, Group.ECP256, Group.CURVE25519, *KEMS})
"""Groups whose agreement takes under 0.1 ms: cheaper to compute inline than to hand to a thread."""

KeyPair = ModpKeyPair | EcpKeyPair | Curve25519KeyPair | KemKeyPair | KemAnswer


def key_pair(group: Group, private: int | None = None) -> KeyPair:
    """A fresh key pair, or the one of a known private value (recorded handshakes)."""
    if group in KEMS:
        return KemKeyPair(group, private)
    if group in CURVES:
        return EcpKeyPair(group, private)
    if group is Group.CURVE25519:
        return Curve25519KeyPair(private)
    return ModpKeyPair(group, private)


def answering_pair(group: Group, peer_public: bytes, private: int | None = None) -> KeyPair:
    """What answers an initiator's public value: a key pair as any other, but of a KEM its public value is made for that
    of the initiator. `ValueError` for one that is none of a KEM."""
    return KemAnswer(group, peer_public) if group in KEMS else key_pair(group, private)


def check_public(group: Group, peer_public: bytes) -> None:
    """Checks that an initiator's value is one of the group, before a key pair of our own is made. It takes
    microseconds, and some 50 on the ECP curves. `ValueError` says what is wrong."""
    if group in KEMS:
        kem.check_public(group, peer_public)
    else:
        (modp if group in modp.GROUPS else curves).check_public(group, peer_public)
