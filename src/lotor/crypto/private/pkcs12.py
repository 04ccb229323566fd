"""PKCS#12 (RFC 7292): a private key, its certificate and the chain in one encrypted file."""

from __future__ import annotations

import re

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import pkcs12

from lotor.crypto.certificates import Certificate, describe
from lotor.crypto.private.keypair import KeyPair, key_pair
from lotor.model.frozen import frozen
from lotor.model.secret import Secret

MARK = re.compile(rb"\x30(?:[\x00-\x80]|\x81.|\x82..|\x83...)\x02\x01\x03", re.DOTALL)
"""A sequence that starts with version 3: neither a certificate nor a key does."""


@frozen
class Bundle:
    """The content of a PKCS#12 file: certificates in any order, and perhaps a key."""

    certificates: tuple[Certificate, ...] = ()
    key: KeyPair | None = None


def is_bundle(octets: bytes) -> bool:
    return MARK.match(octets) is not None


def load_bundle(octets: bytes, passphrase: Secret | None = None) -> Bundle:
    """Raises `ValueError` with a text that says what is wrong and quotes nothing."""
    found = _open(octets, passphrase)
    sources: list[x509.Certificate] = [one.certificate for one in (found.cert, *found.additional_certs) if one]
    certificates = tuple(map(describe, sources))
    return Bundle(certificates, key_pair(found.key) if found.key else None)


def _open(octets: bytes, passphrase: Secret | None) -> pkcs12.PKCS12KeyAndCertificates:
    try:
        return pkcs12.load_pkcs12(octets, passphrase.reveal() if passphrase else None)
    except UnsupportedAlgorithm:
        raise ValueError("it is encrypted in a way that is not supported here: export it anew") from None
    except (ValueError, TypeError):
        if passphrase is None:
            raise ValueError("it is encrypted: name a file with its passphrase by passphrase_file") from None
        raise ValueError("it is damaged, or does not open with the passphrase of passphrase_file") from None
