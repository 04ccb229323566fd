"""A key pair of RSA, ECDSA or Ed25519 as a value that signs and never shows itself."""

from __future__ import annotations

from dataclasses import field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from lotor.crypto.certificates import Certificate
from lotor.crypto.ecdsa import CURVES, curve_of, sign_hash
from lotor.crypto.rsa import sign_bare
from lotor.crypto.signatures import PrivateKey, public_octets, schemes_of, sign
from lotor.model.algorithms import Curve, SignatureScheme
from lotor.model.frozen import frozen
from lotor.model.secret import Secret

PUBLIC_EXPONENT = 65537
ENCRYPTION_MARKS = (b"BEGIN ENCRYPTED PRIVATE", b"Proc-Type: 4,ENCRYPTED")
"""PKCS#8 (RFC 5958), and the older form of openssl (RFC 1421 §4.6.1.1)."""


@frozen
class KeyPair:
    """`handle` is for this room only."""

    handle: PrivateKey = field(repr=False, compare=False)

    @property
    def bits(self) -> int:
        """Of the modulus, of the curve, or of Ed25519."""
        return 256 if isinstance(self.handle, Ed25519PrivateKey) else self.handle.key_size

    @property
    def curve(self) -> Curve | None:
        """None for a key that is none of ECDSA."""
        return curve_of(self.handle) if isinstance(self.handle, ec.EllipticCurvePrivateKey) else None

    @property
    def enciphers(self) -> bool:
        """Whether something can be encrypted to it: nothing to a curve (RFC 8813 §3)."""
        return isinstance(self.handle, RSAPrivateKey)

    @property
    def schemes(self) -> tuple[SignatureScheme, ...]:
        """What it signs by in IKEv2, the usual one first."""
        return schemes_of(self.handle)

    def sign(self, octets: bytes) -> bytes:
        """IKEv1: PKCS#1 v1.5 (RFC 2409 §5.1) or ECDSA (RFC 4754 §7), over the bare octets. `ValueError` when the key is
        too short for them, they are not a hash that goes with its curve, or it is one of Ed25519."""
        if isinstance(self.handle, Ed25519PrivateKey):
            raise ValueError("IKEv1 has no signatures with keys of Ed25519")  # noqa: TRY004 - no mistake of types
        return (
            sign_bare(self.handle, octets) if isinstance(self.handle, RSAPrivateKey) else sign_hash(self.handle, octets)
        )

    def sign_by(self, scheme: SignatureScheme, octets: bytes) -> bytes:
        """IKEv2. `ValueError` for a scheme that the key cannot, or for which it is too short."""
        return sign(self.handle, scheme, octets)

    def fits(self, certificate: Certificate) -> bool:
        return certificate.key_octets == public_octets(self.handle.public_key())

    def pem(self) -> Secret:
        """PKCS#8, not encrypted: a daemon starts without a person."""
        return Secret(self.handle.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def generate_key(kind: int | Curve) -> KeyPair:
    """Of RSA with so many bits, or of ECDSA on that curve."""
    if isinstance(kind, Curve):
        return KeyPair(ec.generate_private_key(CURVES[kind]))
    return KeyPair(generate_private_key(PUBLIC_EXPONENT, kind))


def key_pair(key: object) -> KeyPair:
    """A private key of the library as a pair; `ValueError` says what kind it must be."""
    if isinstance(key, ec.EllipticCurvePrivateKey) and curve_of(key) is None:
        raise ValueError(f"it is an ECDSA key on {key.curve.name}: IKEv1 has signatures on P-256, P-384 and P-521 only")
    if not isinstance(key, PrivateKey):
        raise ValueError("it is neither an RSA nor an ECDSA nor an Ed25519 key")  # noqa: TRY004 - a bad file
    return KeyPair(key)


def load_key(pem: bytes, passphrase: Secret | None = None) -> KeyPair:
    """A key in PEM, encrypted or not. A key that is not encrypted needs no passphrase, and one that is given is
    ignored. Raises `ValueError` with a text that says what is wrong and quotes nothing."""
    encrypted = any(mark in pem for mark in ENCRYPTION_MARKS)
    if encrypted and passphrase is None:
        raise ValueError("it is encrypted: name a file with its passphrase by passphrase_file")
    try:
        key = load_pem_private_key(pem, passphrase.reveal() if encrypted and passphrase else None)
    except UnsupportedAlgorithm:
        raise ValueError("it is of a kind that is not supported here") from None
    except (ValueError, TypeError):
        wrong = (
            "it is damaged, or does not open with the passphrase of passphrase_file"
            if encrypted
            else "it is not a private key in PEM"
        )
        raise ValueError(wrong) from None
    return key_pair(key)
