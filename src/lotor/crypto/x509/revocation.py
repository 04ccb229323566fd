"""Certificate revocation lists (RFC 5280 §5) as values: read from DER and PEM, looked up by certificate."""

from __future__ import annotations

import re
from dataclasses import field
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import ExtensionOID

from lotor.crypto.certificates import Certificate, CertificateError, DistinguishedName, describe_name
from lotor.model.frozen import frozen
from lotor.model.text import clean

BLOCK = re.compile(rb"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----", re.DOTALL)
UNDERSTOOD = frozenset(
    {ExtensionOID.CRL_NUMBER, ExtensionOID.AUTHORITY_KEY_IDENTIFIER, ExtensionOID.ISSUING_DISTRIBUTION_POINT}
)


@frozen
class Revocation:
    """`reason` as RFC 5280 §5.3.1 names it, such as `keyCompromise`; empty where none is given."""

    when: datetime
    reason: str


@frozen
class RevocationList:
    """`until` None: the authority does not say when the next one comes. `users` and `authorities`: what it covers."""

    issuer: DistinguishedName
    since: datetime
    until: datetime | None
    users: bool
    authorities: bool
    handle: x509.CertificateRevocationList = field(repr=False, compare=False)

    def covers(self, certificate: Certificate) -> bool:
        """Whether it tells of certificates of this kind, by this issuer's name."""
        kind = self.authorities if certificate.authority else self.users
        return kind and self.issuer.der == certificate.issuer.der

    def signed_by(self, issuer: Certificate) -> bool:
        """Whether the issuer, which may sign lists, signed this one."""
        if issuer.signs_lists is False or self.issuer.der != issuer.subject.der:
            return False
        try:
            return self.handle.is_signature_valid(issuer.handle.public_key())  # type: ignore[arg-type]  # a key of another kind is a TypeError
        except (TypeError, ValueError, UnsupportedAlgorithm):
            return False

    def revocation_of(self, certificate: Certificate) -> Revocation | None:
        entry = self.handle.get_revoked_certificate_by_serial_number(certificate.handle.serial_number)
        return Revocation(entry.revocation_date_utc, _reason(entry)) if entry else None


def read_revocation_lists(octets: bytes) -> tuple[RevocationList, ...]:
    """All lists of a file: PEM, with any text around the blocks, or one in DER. Raises `CertificateError`."""
    try:
        if b"-----BEGIN" not in octets:
            return (_describe(x509.load_der_x509_crl(octets)),)
        found = tuple(_describe(x509.load_pem_x509_crl(block)) for block in BLOCK.findall(octets))
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension) as fault:
        if isinstance(fault, CertificateError):
            raise
        text = clean(str(fault), longest=120)
        raise CertificateError(f"this is not a readable revocation list ({text})") from None
    if not found:
        raise CertificateError("there is no PEM revocation list in it")
    return found


def _describe(source: x509.CertificateRevocationList) -> RevocationList:
    """A list that cannot be used on its own is of no use, nor is one with an unknown critical extension."""
    strange = [one.oid.dotted_string for one in source.extensions if one.critical and one.oid not in UNDERSTOOD]
    if strange:
        raise CertificateError(f"it is a revocation list of a kind that is not understood (extension {strange[0]})")
    scope = _scope(source)
    if scope and (scope.indirect_crl or scope.only_some_reasons or scope.only_contains_attribute_certs):
        raise CertificateError("it is a partial or indirect revocation list, which does not say enough by itself")
    return RevocationList(
        issuer=describe_name(source.issuer),
        since=source.last_update_utc,
        until=source.next_update_utc,
        users=not (scope and scope.only_contains_ca_certs),
        authorities=not (scope and scope.only_contains_user_certs),
        handle=source,
    )


def _scope(source: x509.CertificateRevocationList) -> x509.IssuingDistributionPoint | None:
    try:
        return source.extensions.get_extension_for_class(x509.IssuingDistributionPoint).value
    except x509.ExtensionNotFound:
        return None


def _reason(entry: x509.RevokedCertificate) -> str:
    try:
        return entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.value
    except (x509.ExtensionNotFound, ValueError):
        return ""
