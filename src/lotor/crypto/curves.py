"""Diffie-Hellman over elliptic curves: ECP groups 19 to 21 (RFC 5903) and curve25519, group 31 (RFC 8031)."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from lotor.model.algorithms import Group

CURVES: dict[Group, ec.EllipticCurve] = {
    Group.ECP256: ec.SECP256R1(),
    Group.ECP384: ec.SECP384R1(),
    Group.ECP521: ec.SECP521R1(),
}
CURVE25519_OCTETS = 32
_P25519 = (1 << 255) - 19
_ORDER_8 = (
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
)
_OF_SMALL_ORDER = frozenset({0, 1, _P25519 - 1, _P25519, _P25519 + 1, *_ORDER_8})
"""Coordinates of points of small order, which make every agreement zero: those below 2^255 (RFC 7748 §5 ignores the
highest bit)."""
_SMALL_ORDER = "the peer's public value is a point of small order"


class EcpKeyPair:
    """An ephemeral key pair; `public` is x followed by y, each as long as the field (RFC 5903 §7)."""

    __slots__ = ("_private", "group", "public")

    def __init__(self, group: Group, private: int | None) -> None:
        curve = CURVES[group]
        self.group = group
        self._private = ec.generate_private_key(curve) if private is None else ec.derive_private_key(private, curve)
        numbers = self._private.public_key().public_numbers()
        size = field_octets(group)
        self.public = numbers.x.to_bytes(size, "big") + numbers.y.to_bytes(size, "big")

    def agree(self, peer_public: bytes) -> bytes:
        """The x of the shared point. `ValueError` when the peer's value has the wrong length or is not on the curve."""
        return self._private.exchange(ec.ECDH(), _point(self.group, peer_public))

    def __repr__(self) -> str:
        return f"EcpKeyPair({self.group.name})"


class Curve25519KeyPair:
    """An ephemeral key pair; `public` and the agreed value are octet strings as in RFC 7748 §5."""

    __slots__ = ("_private", "group", "public")

    def __init__(self, private: int | None) -> None:
        """A known scalar is given as the number that its octets are in little-endian order."""
        self.group = Group.CURVE25519
        self._private = X25519PrivateKey.generate() if private is None else _scalar(private)
        self.public = self._private.public_key().public_bytes_raw()

    def agree(self, peer_public: bytes) -> bytes:
        """`ValueError` when the peer's value has the wrong length or makes everything zero (RFC 7748 §6.1)."""
        check_public(self.group, peer_public)
        try:
            return self._private.exchange(X25519PublicKey.from_public_bytes(peer_public))
        except ValueError:
            raise ValueError(_SMALL_ORDER) from None

    def __repr__(self) -> str:
        return "Curve25519KeyPair()"


def check_public(group: Group, peer_public: bytes) -> None:
    """`ValueError` for a value of the wrong length, one that is not on the curve, or a point of small order."""
    if group is not Group.CURVE25519:
        _point(group, peer_public)
        return
    if len(peer_public) != CURVE25519_OCTETS:
        raise ValueError(f"a public value of curve25519 has {CURVE25519_OCTETS} octets, not {len(peer_public)}")
    if int.from_bytes(peer_public, "little") & ((1 << 255) - 1) in _OF_SMALL_ORDER:
        raise ValueError(_SMALL_ORDER)


def _point(group: Group, octets: bytes) -> ec.EllipticCurvePublicKey:
    name, size = group.name.lower(), field_octets(group)
    if len(octets) != 2 * size:
        raise ValueError(f"a public value of {name} has {2 * size} octets, not {len(octets)}")
    x, y = int.from_bytes(octets[:size], "big"), int.from_bytes(octets[size:], "big")
    try:
        return ec.EllipticCurvePublicNumbers(x, y, CURVES[group]).public_key()
    except ValueError:
        raise ValueError(f"the peer's public value is no point of {name}") from None


def field_octets(group: Group) -> int:
    """Length of a coordinate, and so of what is agreed."""
    return (CURVES[group].key_size + 7) // 8


def _scalar(private: int) -> X25519PrivateKey:
    return X25519PrivateKey.from_private_bytes(private.to_bytes(CURVE25519_OCTETS, "little"))
