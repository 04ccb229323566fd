"""ML-KEM-768 and -1024 as additional key exchanges of IKEv2 (FIPS 203, RFC 9370), with the face of a key pair.

A KEM is not symmetric: the initiator sends a public key, the responder a ciphertext for it. So the responder's end is
made of what the initiator sent, and has agreed already.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.mlkem import (
    MLKEM768PrivateKey,
    MLKEM768PublicKey,
    MLKEM1024PrivateKey,
    MLKEM1024PublicKey,
)

from lotor.model.algorithms import Group
from lotor.model.frozen import frozen

PublicKey = MLKEM768PublicKey | MLKEM1024PublicKey
SEED = 64


@frozen
class _Parameters:
    """Octets of a public key and of a ciphertext (FIPS 203 table 3)."""

    private: type[MLKEM768PrivateKey | MLKEM1024PrivateKey]
    public: type[PublicKey]
    public_octets: int
    ciphertext_octets: int


_PARAMETERS = {
    Group.MLKEM768: _Parameters(MLKEM768PrivateKey, MLKEM768PublicKey, 1184, 1088),
    Group.MLKEM1024: _Parameters(MLKEM1024PrivateKey, MLKEM1024PublicKey, 1568, 1568),
}


class KemKeyPair:
    """The initiator's: `public` is its encapsulation key."""

    __slots__ = ("_private", "group", "public")

    def __init__(self, group: Group, private: int | None) -> None:
        """A known pair is given by its seed of 64 octets, d and z (FIPS 203 §7.1), as the number that they are
        in little-endian order."""
        kind = _PARAMETERS[group].private
        self.group = group
        self._private = kind.generate() if private is None else kind.from_seed_bytes(private.to_bytes(SEED, "little"))
        self.public = self._private.public_key().public_bytes_raw()

    def agree(self, peer_public: bytes) -> bytes:
        """The secret inside the responder's ciphertext. `ValueError` for one of a wrong length; one that was made up
        gives a secret that nobody knows."""
        size = _PARAMETERS[self.group].ciphertext_octets
        if len(peer_public) != size:
            raise ValueError(f"a ciphertext of {_name(self.group)} has {size} octets, not {len(peer_public)}")
        return self._private.decapsulate(peer_public)

    def __repr__(self) -> str:
        return f"KemKeyPair({self.group.name})"


class KemAnswer:
    """The responder's: `public` is a ciphertext for the initiator's key."""

    __slots__ = ("_peer", "_shared", "group", "public")

    def __init__(self, group: Group, peer_public: bytes) -> None:
        """`ValueError` for what is no public key."""
        self.group, self._peer = group, peer_public
        self._shared, self.public = _public_key(group, peer_public).encapsulate()

    def agree(self, peer_public: bytes) -> bytes:
        """The secret. `ValueError` for another key than the one that it was made for."""
        if peer_public != self._peer:
            raise ValueError(f"this answer of {_name(self.group)} was made for another key")
        return self._shared

    def __repr__(self) -> str:
        return f"KemAnswer({self.group.name})"


def check_public(group: Group, peer_public: bytes) -> None:
    """`ValueError` for what is no public key: of a wrong length, or with numbers beyond the modulus (FIPS 203 §7.2)."""
    _public_key(group, peer_public)


def _public_key(group: Group, octets: bytes) -> PublicKey:
    parameters = _PARAMETERS[group]
    if len(octets) != parameters.public_octets:
        raise ValueError(f"a public key of {_name(group)} has {parameters.public_octets} octets, not {len(octets)}")
    try:
        return parameters.public.from_public_bytes(octets)
    except ValueError:
        raise ValueError(f"the peer's public key of {_name(group)} is none") from None


def _name(group: Group) -> str:
    return group.name.lower()
