"""Diffie-Hellman over the MODP groups of IKE (RFC 2409 §6.2, RFC 3526); docs/decisions/0003: why no library does it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import cache

from lotor.model.algorithms import Group

GENERATOR = 2


@dataclass(frozen=True, slots=True)
class _Parameters:
    """Size of the prime, the constant of its formula, and the size of our exponents (RFC 3526 §8, upper estimate,
    within 256 and 512 bits)."""

    bits: int
    constant: int
    exponent_bits: int


_PARAMETERS = {
    Group.MODP1024: _Parameters(1024, 129093, 256),
    Group.MODP1536: _Parameters(1536, 741804, 256),
    Group.MODP2048: _Parameters(2048, 124476, 320),
    Group.MODP3072: _Parameters(3072, 1690314, 420),
    Group.MODP4096: _Parameters(4096, 240904, 480),
    Group.MODP6144: _Parameters(6144, 929484, 512),
    Group.MODP8192: _Parameters(8192, 4743158, 512),
}


class ModpKeyPair:
    """An ephemeral key pair: `public` left-padded to the group's length; the private exponent never leaves."""

    __slots__ = ("_private", "group", "public")

    def __init__(self, group: Group, private: int) -> None:
        if not 1 < private < prime(group) - 1:
            raise ValueError("a private exponent lies in 2..p-2")
        self.group = group
        self._private = private
        self.public = _padded(group, pow(GENERATOR, private, prime(group)))

    def agree(self, peer_public: bytes) -> bytes:
        """g^xy, left-padded. `ValueError` when the peer's value has the wrong length or is not in 2..p-2."""
        if len(peer_public) != octets(self.group):
            raise ValueError(
                f"a public value of {self.group.name.lower()} has {octets(self.group)} octets, not {len(peer_public)}"
            )
        value = int.from_bytes(peer_public, "big")
        if not 1 < value < prime(self.group) - 1:
            raise ValueError(f"the peer's public value of {self.group.name.lower()} is not in 2..p-2")
        return _padded(self.group, pow(value, self._private, prime(self.group)))

    def __repr__(self) -> str:
        return f"ModpKeyPair({self.group.name})"


def key_pair(group: Group, private: int | None = None) -> ModpKeyPair:
    """A fresh key pair, or the one of a known exponent (recorded handshakes)."""
    return ModpKeyPair(group, _exponent(group) if private is None else private)


def octets(group: Group) -> int:
    """Length of public values and of g^xy."""
    return _PARAMETERS[group].bits // 8


@cache
def prime(group: Group) -> int:
    """The prime 2^n - 2^(n-64) - 1 + 2^64 * (floor(2^(n-130) * pi) + constant), RFC 2412 appendix E, RFC 3526."""
    parameters = _PARAMETERS[group]
    bits = parameters.bits
    return (1 << bits) - (1 << bits - 64) - 1 + (_pi(bits - 130) + parameters.constant << 64)


def _exponent(group: Group) -> int:
    """Random with the highest bit set: every exponent of a group costs the same number of squarings."""
    top = 1 << _PARAMETERS[group].exponent_bits - 1
    return top | secrets.randbelow(top)


def _padded(group: Group, number: int) -> bytes:
    return number.to_bytes(octets(group), "big")


def _pi(bits: int) -> int:
    """floor(2^bits * pi), by Machin's formula with 64 guard bits."""
    one = 1 << bits + 64
    return 4 * (4 * _arc_cotangent(5, one) - _arc_cotangent(239, one)) >> 64


def _arc_cotangent(number: int, one: int) -> int:
    power, total, odd = one // number, 0, 1
    while power:
        total += power // odd if odd % 4 == 1 else -(power // odd)
        power //= number * number
        odd += 2
    return total
