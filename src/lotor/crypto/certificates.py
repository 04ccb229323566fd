"""X.509 certificates as values, with their names, dates and keys, and those of the administrator's files.

What a peer sends is parsed in `x509` only.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import field
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from lotor.crypto.ecdsa import curve_of
from lotor.crypto.principals import principals
from lotor.crypto.signatures import PublicKey, public_octets
from lotor.model.algorithms import Curve
from lotor.model.distinguished import type_word
from lotor.model.frozen import frozen
from lotor.model.text import clean

# The HOW-TO's recipe starts its serial numbers at 0; the library warns of it at every use, on the terminal.
warnings.filterwarnings("ignore", message="Parsed a serial number which wasn't positive", module="lotor")

E = TypeVar("E", bound=x509.ExtensionType)

IKE_INTERMEDIATE = ObjectIdentifier("1.3.6.1.5.5.8.2.2")
BOTH_USAGES = frozenset({ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE, ExtendedKeyUsageOID.IPSEC_IKE})
GATEWAY_USAGES = BOTH_USAGES | {ExtendedKeyUsageOID.SERVER_AUTH, IKE_INTERMEDIATE}
CLIENT_USAGES = BOTH_USAGES | {ExtendedKeyUsageOID.CLIENT_AUTH}

CURVE_WORDS = {Curve.P256: "P-256", Curve.P384: "P-384", Curve.P521: "P-521"}


class CertificateError(ValueError):
    """Octets that are no certificate. The text does not name the file: the reader knows it."""


UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion, x509.DuplicateExtension)
"""What the library raises for octets that are no certificate."""

LEAST_RSA_BITS = 2048
BROKEN_DIGESTS = frozenset({"md2", "md4", "md5", "sha1"})
"""What certificates that count must not have."""


@frozen
class DistinguishedName:
    """A name as in the certificate, in its order: each part is a tuple of (attribute type, value), usually one."""

    der: bytes
    parts: tuple[tuple[tuple[str, str], ...], ...]

    def values(self, kind: str) -> tuple[str, ...]:
        return tuple(value for part in self.parts for name, value in part if name == kind)

    def __str__(self) -> str:
        """`C=XX, O=Lab, CN=vpn.example.net`, cleaned for a person."""
        return clean(", ".join("+".join(f"{name}={value}" for name, value in part) for part in self.parts))


@frozen
class Certificate:
    """`names` of the subject alternative name by kind; `has_alternatives`: the extension is there, whatever is in it.

    `signs_certificates`, `signs_lists` (CRLs) and `signs_messages` are what key usage says, None without one.
    `gateway_usage` and `client_usage`: extended key usage allows that, or is not there. `public_key` None: a key of
    another kind than RSA, elliptic curves and Ed25519. `principals`: user principal names, none where something is
    wrong with one, which `strange_principals` says.
    """

    der: bytes = field(repr=False)
    subject: DistinguishedName
    issuer: DistinguishedName
    version: int
    not_before: datetime
    not_after: datetime
    authority: bool
    signs_certificates: bool | None
    signs_lists: bool | None
    signs_messages: bool | None
    constrains_names: bool
    gateway_usage: bool
    client_usage: bool
    has_alternatives: bool
    dns_names: tuple[str, ...]
    emails: tuple[str, ...]
    addresses: tuple[IPv4Address | IPv6Address, ...]
    principals: tuple[str, ...]
    strange_principals: str
    public_key: PublicKey | None = field(repr=False, compare=False)
    digest: str
    handle: x509.Certificate = field(repr=False, compare=False)

    @property
    def rsa_key(self) -> RSAPublicKey | None:
        return self.public_key if isinstance(self.public_key, RSAPublicKey) else None

    @property
    def ecdsa_key(self) -> EllipticCurvePublicKey | None:
        return self.public_key if isinstance(self.public_key, EllipticCurvePublicKey) else None

    @property
    def curve(self) -> Curve | None:
        """Of a key for ECDSA; None for a curve that IKEv1 has no number for, and for other keys."""
        return curve_of(self.ecdsa_key) if self.ecdsa_key else None

    @property
    def key_bits(self) -> int:
        """Of the modulus of an RSA key, else 0."""
        return self.rsa_key.key_size if self.rsa_key else 0

    @property
    def key_exponent(self) -> int:
        return self.rsa_key.public_numbers().e if self.rsa_key else 0

    @property
    def key_text(self) -> str:
        """For a person: `RSA 3072 bits`, `ECDSA P-256`."""
        if self.rsa_key:
            return f"RSA {self.key_bits} bits"
        if self.ecdsa_key:
            return f"ECDSA {CURVE_WORDS[self.curve] if self.curve else self.ecdsa_key.curve.name}"
        return "Ed25519" if self.public_key else "neither RSA nor ECDSA nor Ed25519"

    @property
    def key_octets(self) -> bytes:
        """The public key as the certificate has it; empty for a key of another kind."""
        if self.public_key is None:
            return b""
        return public_octets(self.public_key)

    @property
    def self_issued(self) -> bool:
        return self.subject.der == self.issuer.der

    @property
    def self_signed(self) -> bool:
        return self.self_issued and issued_by(self, self)


def read_certificates(octets: bytes) -> tuple[Certificate, ...]:
    """All certificates of a file of the administrator: PEM, with any text around the blocks (as `openssl ca` writes),
    or one in DER. Raises `CertificateError`."""
    if b"-----BEGIN" not in octets:
        return (_read_der(octets),)
    try:
        found = x509.load_pem_x509_certificates(octets)
    except ValueError:
        raise CertificateError("there is no readable PEM certificate in it") from None
    return tuple(describe(one) for one in found)


def _read_der(octets: bytes) -> Certificate:
    try:
        source = x509.load_der_x509_certificate(octets)
    except UNREADABLE as fault:
        raise unreadable(fault) from None
    return describe(source)


def moment(when: datetime) -> str:
    """A date of a certificate, for a person."""
    return f"{when:%Y-%m-%d %H:%M} UTC"


def describe(source: x509.Certificate) -> Certificate:
    """The value of what the library read. Raises `CertificateError` where something inside cannot be read."""
    try:
        return _describe(source)
    except UNREADABLE as fault:
        raise unreadable(fault) from None


def unreadable(fault: Exception) -> CertificateError:
    return CertificateError(f"this is not a readable certificate ({clean(str(fault), longest=120)})")


def leaf_first(certificates: Sequence[Certificate]) -> tuple[Certificate, ...]:
    """A chain in order from a bundle in any order: first the certificate that issued none of the others, then issuer
    after issuer."""
    leaves = [one for one in certificates if not any(issued_by(other, one) for other in certificates if other != one)]
    chain = leaves[:1] or list(certificates[:1])
    while following := next((one for one in certificates if one not in chain and issued_by(chain[-1], one)), None):
        chain.append(following)
    return tuple(chain)


def issued_by(certificate: Certificate, issuer: Certificate) -> bool:
    """Whether the issuer's name and key fit the certificate. Dates and rights are not looked at."""
    try:
        certificate.handle.verify_directly_issued_by(issuer.handle)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def describe_name(name: x509.Name) -> DistinguishedName:
    parts = tuple(tuple((type_word(one.oid.dotted_string), _value(one.value)) for one in rdn) for rdn in name.rdns)
    return DistinguishedName(der=name.public_bytes(), parts=parts)


def _describe(source: x509.Certificate) -> Certificate:
    alternatives = _extension(source, x509.SubjectAlternativeName)
    constraints = _extension(source, x509.BasicConstraints)
    usage = _extension(source, x509.KeyUsage)
    key, (names, strange) = source.public_key(), principals(alternatives)
    return Certificate(
        der=source.public_bytes(Encoding.DER),
        subject=describe_name(source.subject),
        issuer=describe_name(source.issuer),
        version=3 if source.version is x509.Version.v3 else 1,
        not_before=source.not_valid_before_utc,
        not_after=source.not_valid_after_utc,
        authority=constraints is not None and constraints.ca,
        signs_certificates=usage.key_cert_sign if usage else None,
        signs_lists=usage.crl_sign if usage else None,
        signs_messages=usage.digital_signature or usage.content_commitment if usage else None,
        constrains_names=_extension(source, x509.NameConstraints) is not None,
        gateway_usage=_allows(source, GATEWAY_USAGES),
        client_usage=_allows(source, CLIENT_USAGES),
        has_alternatives=alternatives is not None,
        dns_names=tuple(alternatives.get_values_for_type(x509.DNSName)) if alternatives else (),
        emails=tuple(alternatives.get_values_for_type(x509.RFC822Name)) if alternatives else (),
        addresses=_addresses(alternatives),
        principals=names,
        strange_principals=strange,
        public_key=key if isinstance(key, PublicKey) else None,
        digest=_digest(source),
        handle=source,
    )


def _extension(source: x509.Certificate, kind: type[E]) -> E | None:
    try:
        return source.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _allows(source: x509.Certificate, any_of: frozenset[ObjectIdentifier]) -> bool:
    usages = _extension(source, x509.ExtendedKeyUsage)
    return usages is None or not any_of.isdisjoint(usages)


def states_server_usage(certificate: Certificate) -> bool:
    """Whether extended key usage is there, and names serverAuth: clients that know HTTPS only look for it."""
    usages = _extension(certificate.handle, x509.ExtendedKeyUsage)
    return usages is not None and ExtendedKeyUsageOID.SERVER_AUTH in usages


def _addresses(alternatives: x509.SubjectAlternativeName | None) -> tuple[IPv4Address | IPv6Address, ...]:
    found = alternatives.get_values_for_type(x509.IPAddress) if alternatives else []
    return tuple(address for address in found if not isinstance(address, IPv4Network | IPv6Network))


def _digest(source: x509.Certificate) -> str:
    """Name of the hash under the issuer's signature, such as `sha256`; the object identifier when it is unknown."""
    try:
        algorithm = source.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return source.signature_algorithm_oid.dotted_string
    return algorithm.name if algorithm else source.signature_algorithm_oid.dotted_string


def _value(value: str | bytes) -> str:
    return value if isinstance(value, str) else "#" + value.hex()
