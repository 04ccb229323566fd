"""Key material of IKEv1: SKEYID and what comes from it, HASH_I and HASH_R, KEYMAT (RFC 2409 §5, §5.5, Appendix B)."""

from __future__ import annotations

from dataclasses import field

from lotor.crypto import ciphers, hashes
from lotor.ike.errors import LocalFault
from lotor.model.algorithms import Cipher, Hash, IkeSuite
from lotor.model.frozen import frozen
from lotor.model.judgement import PhaseOneHash
from lotor.model.reasons.local import WeakDerivedKey
from lotor.model.secret import Secret
from lotor.wire.v1.numbers import NotifyType


@frozen
class Phase1Values:
    """What both sides sent in the clear part of phase 1, in the words of RFC 2409 §5. `sa_b` is a body as sent."""

    cky_i: bytes
    cky_r: bytes
    g_xi: bytes
    g_xr: bytes
    ni_b: bytes
    nr_b: bytes
    sa_b: bytes


@frozen
class PhaseOneKeys:
    """Everything derived from one Diffie-Hellman exchange. `ka` is the key of `cbc`, `iv` the first IV of phase 1."""

    hash: Hash
    skeyid: Secret
    skeyid_d: Secret
    skeyid_a: Secret
    ka: Secret
    cbc: ciphers.Cbc = field(repr=False)
    iv: bytes

    def prf(self, key: Secret, *parts: bytes) -> bytes:
        return hashes.hmac(self.hash, key.reveal(), *parts)


def derive(suite: IkeSuite, values: Phase1Values, g_xy: bytes, skeyid: bytes) -> PhaseOneKeys:
    """Everything that follows from SKEYID and g^xy (RFC 2409 §5). `LocalFault` for a weak key, which must not be
    used."""
    prf = suite.hash
    cookies = values.cky_i + values.cky_r
    skeyid_d = hashes.hmac(prf, skeyid, g_xy, cookies, b"\0")
    skeyid_a = hashes.hmac(prf, skeyid, skeyid_d, g_xy, cookies, b"\1")
    skeyid_e = hashes.hmac(prf, skeyid, skeyid_a, g_xy, cookies, b"\2")
    size = ciphers.key_octets(suite.cipher, suite.key_bits)
    iv = hashes.digest(prf, values.g_xi, values.g_xr)[: ciphers.block_size(suite.cipher)]
    ka = _lengthen(prf, skeyid_e, size)
    demand_strength(suite.cipher, ka)
    return PhaseOneKeys(
        hash=prf,
        skeyid=Secret(skeyid),
        skeyid_d=Secret(skeyid_d),
        skeyid_a=Secret(skeyid_a),
        ka=Secret(ka),
        cbc=ciphers.cbc(suite.cipher, ka),
        iv=iv,
    )


def demand_strength(cipher: Cipher, key: bytes) -> None:
    """RFC 2451 §2.3: a 3DES key that amounts to one of DES must be rejected. Other nonces give another key."""
    if ciphers.is_single_des(cipher, key):
        raise LocalFault(WeakDerivedKey(), NotifyType.INVALID_KEY_INFORMATION)


def _lengthen(prf: Hash, skeyid_e: bytes, size: int) -> bytes:
    """The encryption key from SKEYID_e, expanded where the hash is shorter than the key (RFC 2409 Appendix B)."""
    if len(skeyid_e) >= size:
        return skeyid_e[:size]
    block, key = b"\0", b""
    while len(key) < size:
        block = hashes.hmac(prf, skeyid_e, block)
        key += block
    return key[:size]


def input_of_hash_i(keys: PhaseOneKeys, values: Phase1Values, idii_b: bytes) -> PhaseOneHash:
    """The input of HASH_I (RFC 2409 §5)."""
    return PhaseOneHash(
        keys.hash, keys.skeyid, (values.g_xi, values.g_xr), (values.cky_i, values.cky_r), values.sa_b, idii_b
    )


def input_of_hash_r(keys: PhaseOneKeys, values: Phase1Values, idir_b: bytes) -> PhaseOneHash:
    """The input of HASH_R (RFC 2409 §5)."""
    return PhaseOneHash(
        keys.hash, keys.skeyid, (values.g_xr, values.g_xi), (values.cky_r, values.cky_i), values.sa_b, idir_b
    )


@frozen
class QuickMaterial:
    """The input of KEYMAT for one protocol; `g_xy` is empty without PFS."""

    protocol: int
    ni_b: bytes
    nr_b: bytes
    g_xy: bytes = field(default=b"", repr=False)


def keymat(keys: PhaseOneKeys, material: QuickMaterial, spi: bytes, size: int) -> bytes:
    """`size` octets for the SA whose receiver chose `spi` (RFC 2409 §5.5)."""
    seed = material.g_xy + bytes([material.protocol]) + spi + material.ni_b + material.nr_b
    block, octets = b"", b""
    while len(octets) < size:
        block = keys.prf(keys.skeyid_d, block, seed)
        octets += block
    return octets[:size]
