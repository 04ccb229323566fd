"""Diffie-Hellman over the MODP groups of IKE (RFC 2409 §6.2, RFC 3526); docs/decisions/0003 says why here."""

from __future__ import annotations

import secrets
from functools import cache

from lotor._native import Modulus
from lotor.model.algorithms import Group
from lotor.model.frozen import frozen

GENERATOR = 2


@frozen
class _Parameters:
    """Size of the prime, the constant of its formula, and the size of our exponents (RFC 3526 §8, upper estimate,
    within 32 and 64 octets)."""

    bits: int
    constant: int
    exponent_octets: int


_PARAMETERS = {
    Group.MODP1024: _Parameters(1024, 129093, 32),
    Group.MODP1536: _Parameters(1536, 741804, 32),
    Group.MODP2048: _Parameters(2048, 124476, 40),
    Group.MODP3072: _Parameters(3072, 1690314, 53),
    Group.MODP4096: _Parameters(4096, 240904, 60),
    Group.MODP6144: _Parameters(6144, 929484, 64),
    Group.MODP8192: _Parameters(8192, 4743158, 64),
}
GROUPS = frozenset(_PARAMETERS)


class ModpKeyPair:
    """An ephemeral key pair: `public` left-padded to the group's length; the private exponent never leaves."""

    __slots__ = ("_private", "group", "public")

    def __init__(self, group: Group, private: int | None) -> None:
        if private is not None and not 1 < private < prime(group) - 1:
            raise ValueError("a private exponent lies in 2..p-2")
        self.group = group
        self._private = _fresh(group) if private is None else _octets_of(group, private)
        self.public = _modulus(group).power(_padded(group, GENERATOR), self._private)

    def agree(self, peer_public: bytes) -> bytes:
        """g^xy, left-padded. `ValueError` when the peer's value has the wrong length or is not in 2..p-2."""
        check_public(self.group, peer_public)
        return _modulus(self.group).power(peer_public, self._private)

    def __repr__(self) -> str:
        return f"ModpKeyPair({self.group.name})"


def check_public(group: Group, peer_public: bytes) -> None:
    """`ValueError` for a value of the wrong length or outside of 2..p-2."""
    name, size = group.name.lower(), octets(group)
    if len(peer_public) != size:
        raise ValueError(f"a public value of {name} has {size} octets, not {len(peer_public)}")
    if not 1 < int.from_bytes(peer_public, "big") < prime(group) - 1:
        raise ValueError(f"the peer's public value of {name} is not in 2..p-2")


def octets(group: Group) -> int:
    """Length of public values and of g^xy."""
    return _PARAMETERS[group].bits // 8


@cache
def prime(group: Group) -> int:
    """The prime 2^n - 2^(n-64) - 1 + 2^64 * (floor(2^(n-130) * pi) + constant), RFC 2412 appendix E, RFC 3526."""
    parameters = _PARAMETERS[group]
    bits = parameters.bits
    return (1 << bits) - (1 << bits - 64) - 1 + (_pi(bits - 130) + parameters.constant << 64)


@cache
def _modulus(group: Group) -> Modulus:
    return Modulus(_padded(group, prime(group)))


def _fresh(group: Group) -> bytes:
    """Random octets. A value below 2 has a probability of less than 2^-250."""
    return secrets.token_bytes(_PARAMETERS[group].exponent_octets)


def _octets_of(group: Group, private: int) -> bytes:
    """A given exponent, which may be longer than our own."""
    return private.to_bytes(max(_PARAMETERS[group].exponent_octets, (private.bit_length() + 7) // 8), "big")


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
