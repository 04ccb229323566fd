"""Certificates that a peer sent: parsed, with bounds on their size and on the keys that are used."""

from __future__ import annotations

from cryptography import x509

from lotor.crypto.certificates import CURVE_WORDS, UNREADABLE, Certificate, CertificateError, describe, unreadable

MOST_RECEIVED, MOST_OCTETS = 5, 16384
"""Certificates of a peer and their octets together: a leaf and four authorities between it and ours."""

LARGEST_RSA_BITS, LARGEST_EXPONENT = 8192, 1 << 32
"""Of a peer's key: what is larger costs a hundred times as much to compute with."""


class KeyRefusedError(CertificateError):
    """A certificate whose key must not be used. The text names the certificate and the key."""


def parse_certificate(der: bytes) -> Certificate:
    """Raises `CertificateError` for anything that is not one whole certificate."""
    try:
        source = x509.load_der_x509_certificate(der)
    except UNREADABLE as fault:
        raise unreadable(fault) from None
    return describe(source)


def parse_received(der: bytes) -> Certificate:
    """The same, with a check of the key before anything is computed with it. Raises `KeyRefusedError` for an RSA key
    that is larger than any in use, and for a curve that IKEv1 has no number for."""
    found = parse_certificate(der)
    if found.key_bits > LARGEST_RSA_BITS:
        raise KeyRefusedError(f"{found.subject} has {found.key_text}, more than {LARGEST_RSA_BITS}")
    if found.key_exponent > LARGEST_EXPONENT:
        raise KeyRefusedError(f"{found.subject} has an exponent of {found.key_exponent.bit_length()} bits")
    if found.ecdsa_key and not found.curve:
        raise KeyRefusedError(
            f"{found.subject} has {found.key_text}, which is none of {', '.join(CURVE_WORDS.values())}"
        )
    return found
