"""An RSA key pair as a value that signs and never shows itself."""

from __future__ import annotations

from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from lotor.crypto.certificates import Certificate
from lotor.crypto.rsa import load_private_key, sign_bare
from lotor.model.secret import Secret

PUBLIC_EXPONENT = 65537
ENCRYPTION_MARKS = (b"BEGIN ENCRYPTED PRIVATE", b"Proc-Type: 4,ENCRYPTED")
"""PKCS#8 (RFC 5958), and the older form of openssl (RFC 1421 §4.6.1.1)."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """`handle` is for this room only."""

    handle: RSAPrivateKey = field(repr=False, compare=False)

    @property
    def bits(self) -> int:
        return self.handle.key_size

    def sign(self, octets: bytes) -> bytes:
        """PKCS#1 v1.5 over the bare octets (RFC 2409 §5.1). `ValueError` when the key is too short for them."""
        return sign_bare(self.handle, octets)

    def fits(self, certificate: Certificate) -> bool:
        public = certificate.public_key
        return public is not None and public.public_numbers() == self.handle.public_key().public_numbers()

    def pem(self) -> Secret:
        """PKCS#8, not encrypted: a daemon starts without a person."""
        return Secret(self.handle.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def generate_key(bits: int) -> KeyPair:
    return KeyPair(generate_private_key(PUBLIC_EXPONENT, bits))


def load_key(pem: bytes, passphrase: Secret | None = None) -> KeyPair:
    """A key in PEM, encrypted or not: one that is not needs no passphrase, if there is one or not.

    Raises `ValueError` with a text that says what is wrong and quotes nothing.
    """
    encrypted = any(mark in pem for mark in ENCRYPTION_MARKS)
    if encrypted and passphrase is None:
        raise ValueError("it is encrypted: name a file with its passphrase by passphrase_file")
    try:
        return KeyPair(load_private_key(pem, passphrase.reveal() if encrypted and passphrase else None))
    except UnsupportedAlgorithm:
        raise ValueError("it is of a kind that is not supported here") from None
    except ValueError:
        wrong = (
            "it is damaged, or does not open with the passphrase of passphrase_file"
            if encrypted
            else "it is not a PEM RSA key"
        )
        raise ValueError(wrong) from None
