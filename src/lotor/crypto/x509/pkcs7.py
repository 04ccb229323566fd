"""Certificates in a PKCS#7 wrapping (RFC 2315 §9.1), as some peers send them in a certificate payload of encoding 1.

The wrapping is taken apart here and not by the library, which gives a set in the wrong order (that of openssl, for one)
to an older parser with a warning: octets of a stranger.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lotor.crypto.certificates import Certificate, CertificateError
from lotor.crypto.x509.received import MOST_OCTETS, MOST_RECEIVED, parse_certificate

SEQUENCE, SET, OBJECT_IDENTIFIER, CONTEXT_0 = 0x30, 0x31, 0x06, 0xA0
SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
LONGEST_LENGTH = 3


class _Unreadable(Exception):  # noqa: N818 - never leaves this module
    """The DER holds something else than required."""


def unwrap_certificates(octets: bytes) -> tuple[bytes, ...]:
    """The certificates of a SignedData, DER, whether it is signed or not; its revocation lists are ignored. A set has
    no order: the certificate that issued none of the others comes first, then its issuers as far as they are present.
    Only names are compared: the chain is proved elsewhere. Raises `CertificateError`."""
    if len(octets) > MOST_OCTETS:
        raise CertificateError(f"these {len(octets)} octets of PKCS#7 are more than {MOST_OCTETS}")
    try:
        found = [whole for tag, _, whole in _elements(_certificate_set(octets)) if tag == SEQUENCE]
    except _Unreadable:
        raise CertificateError("this is not a readable PKCS#7 with certificates") from None
    if not 0 < len(found) <= MOST_RECEIVED:
        raise CertificateError(f"this PKCS#7 holds {len(found)} certificates, not 1 to {MOST_RECEIVED}")
    return tuple(one.der for one in _leaf_first([parse_certificate(der) for der in found]))


def _certificate_set(octets: bytes) -> bytes:
    """ContentInfo → SignedData → certificates [0]; empty where a SignedData has none."""
    kind, content, *_ = _members(_only(octets, SEQUENCE), 2)
    if kind != (OBJECT_IDENTIFIER, SIGNED_DATA) or content[0] != CONTEXT_0:
        raise _Unreadable
    _version, algorithms, inner, *optional = _members(_only(content[1], SEQUENCE), 3)
    if (algorithms[0], inner[0]) != (SET, SEQUENCE):
        raise _Unreadable
    return next((value for tag, value in optional if tag == CONTEXT_0), b"")


def _only(octets: bytes, wanted: int) -> bytes:
    elements = _members(octets, 1)
    if len(elements) != 1 or elements[0][0] != wanted:
        raise _Unreadable
    return elements[0][1]


def _members(octets: bytes, least: int) -> list[tuple[int, bytes]]:
    found = [(tag, value) for tag, value, _ in _elements(octets)]
    if len(found) < least:
        raise _Unreadable
    return found


def _elements(octets: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Tag, value and the whole element, one after the other. Definite lengths only (X.690 §10.1)."""
    place = 0
    while place < len(octets):
        start, size = _header(octets[place : place + 2 + LONGEST_LENGTH])
        end = place + start + size
        if end > len(octets):
            raise _Unreadable
        yield octets[place], octets[place + start : end], octets[place:end]
        place = end


def _header(octets: bytes) -> tuple[int, int]:
    """Octets of the header, and of the value."""
    if len(octets) < 2:
        raise _Unreadable
    first = octets[1]
    if first < 0x80:
        return 2, first
    count = first & 0x7F
    if not 0 < count <= min(LONGEST_LENGTH, len(octets) - 2):
        raise _Unreadable
    return 2 + count, int.from_bytes(octets[2 : 2 + count], "big")


def _leaf_first(found: Sequence[Certificate]) -> list[Certificate]:
    """The chain from the leaf upwards, followed by certificates that do not belong to it."""
    issuers = {one.issuer.der for one in found if one.issuer.der != one.subject.der}
    lowest = [one for one in found if one.subject.der not in issuers] or found
    chain = [min(lowest, key=lambda one: one.authority)]
    while issuer := next((one for one in found if one not in chain and one.subject.der == chain[-1].issuer.der), None):
        chain.append(issuer)
    return chain + [one for one in found if one not in chain]
