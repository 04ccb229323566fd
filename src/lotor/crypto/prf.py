"""The PRF of IKEv2 and what is made with it alone: prf+, keys with a PPK in them, AUTH by a shared key, and the octets
that AUTH covers (RFC 7296 §2.13, §2.15, RFC 8784). It is HMAC, whose keys may have any length."""

from __future__ import annotations

from collections.abc import Sequence

from lotor import _native
from lotor.crypto.hashes import hmac
from lotor.model.algorithms import Hash
from lotor.model.judgement import SignedOctets
from lotor.model.secret import Secret

KEY_PAD = b"Key Pad for IKEv2"


def prf_plus(hashing: Hash, key: bytes, seed: bytes, octets: int) -> bytes:
    """`octets` of key material (RFC 7296 §2.13). `ValueError` for more than 255 blocks."""
    return _native.prf_plus(hashing.value, key, seed, octets)


def derived(
    hashing: Hash, key: bytes, of: tuple[Hash, bytes] | None, seed: bytes, sizes: Sequence[int]
) -> tuple[bytes, ...]:
    """Keys of these sizes, one behind the other in prf+. `of`: a PRF and what it is of under `key`, which gives the key
    of prf+. `ValueError` for more than 255 blocks."""
    return _native.derive(hashing.value, key, of and (of[0].value, of[1]), seed, sizes)


def mixed(hashing: Hash, ppk: Secret, keys: tuple[Secret, Secret, Secret]) -> tuple[Secret, Secret, Secret]:
    """SK_d, SK_pi and SK_pr once a post-quantum pre-shared key is in them (RFC 8784 §3)."""
    d, pi, pr = (Secret(prf_plus(hashing, ppk.reveal(), key.reveal(), len(key))) for key in keys)
    return d, pi, pr


def covered(made_of: SignedOctets) -> bytes:
    """InitiatorSignedOctets or ResponderSignedOctets (RFC 7296 §2.15), with IntAuth where there is one (RFC 9242
    §3.3.1)."""
    identity = hmac(made_of.prf, made_of.sk_p.reveal(), made_of.id_b)
    return made_of.message + made_of.nonce + identity + made_of.intermediate


def keyed(secret: bytes, made_of: SignedOctets) -> bytes:
    """AUTH by a pre-shared key, an MSK or SK_p (RFC 7296 §2.15, §2.16)."""
    return hmac(made_of.prf, hmac(made_of.prf, secret, KEY_PAD), covered(made_of))
