"""Making keys, certificates and signing requests: what `pki` decides, in the library's words."""

from __future__ import annotations

from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lotor.crypto.certificates import IKE_INTERMEDIATE, Certificate
from lotor.crypto.ecdsa import DIGESTS
from lotor.crypto.private.keypair import KeyPair
from lotor.crypto.signatures import PublicKey
from lotor.model.algorithms import SignatureScheme
from lotor.model.frozen import frozen

LONGEST_COMMON_NAME = 64
CLOCK_TOLERANCE = timedelta(hours=1)
"""How far a client's clock may be behind on the day the certificate is made."""


@frozen
class GatewayNames:
    """What clients may call the gateway; `common` is for people and old clients."""

    common: str
    dns: tuple[str, ...] = ()
    addresses: tuple[IPv4Address | IPv6Address, ...] = ()


@frozen
class Issuer:
    certificate: Certificate
    key: KeyPair


def make_authority(key: KeyPair, name: str, start: datetime, lifetime: timedelta) -> bytes:
    """A self-signed authority that issues end certificates only; PEM. `ValueError` for a name that cannot be."""
    subject = _subject(name)
    return (
        _builder(subject, subject, key.handle.public_key())
        .not_valid_before(start - CLOCK_TOLERANCE)
        .not_valid_after(start + lifetime)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key, authority=True), critical=True)
        .sign(key.handle, _digest(key))
        .public_bytes(Encoding.PEM)
    )


def issue_gateway(issuer: Issuer, key: KeyPair, names: GatewayNames, start: datetime, lifetime: timedelta) -> bytes:
    """A gateway's certificate, PEM; it ends with its issuer's at the latest."""
    authority = issuer.certificate
    end = min(start + lifetime, authority.not_after)
    return (
        _builder(_subject(names.common), authority.handle.subject, key.handle.public_key())
        .not_valid_before(max(start - CLOCK_TOLERANCE, authority.not_before))
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(key, authority=False), critical=True)
        .add_extension(_gateway_usages(), critical=False)
        .add_extension(_alternatives(names), critical=False)
        .add_extension(_authority_identifier(authority), critical=False)
        .sign(issuer.key.handle, _digest(issuer.key))
        .public_bytes(Encoding.PEM)
    )


def make_request(key: KeyPair, names: GatewayNames) -> bytes:
    """A signing request (RFC 2986) with the names and usages that the authority should grant; PEM."""
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(_subject(names.common))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(key, authority=False), critical=True)
        .add_extension(_gateway_usages(), critical=False)
        .add_extension(_alternatives(names), critical=False)
        .sign(key.handle, _digest(key))
        .public_bytes(Encoding.PEM)
    )


CHALLENGE = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")
"""acmeIdentifier (RFC 8737 §3)."""


def make_challenge(key: KeyPair, name: str, digest: bytes, start: datetime, lifetime: timedelta) -> bytes:
    """A self-signed certificate that proves a name to an authority, PEM. `digest`: 32 octets."""
    subject = _subject(name[:LONGEST_COMMON_NAME])
    shown = x509.UnrecognizedExtension(CHALLENGE, bytes([4, len(digest)]) + digest)
    return (
        _builder(subject, subject, key.handle.public_key())
        .not_valid_before(start - CLOCK_TOLERANCE)
        .not_valid_after(start + lifetime)
        .add_extension(_alternatives(GatewayNames(name, (name,))), critical=False)
        .add_extension(shown, critical=True)
        .sign(key.handle, _digest(key))
        .public_bytes(Encoding.PEM)
    )


def request_octets(pem: bytes) -> bytes:
    """A signing request in DER."""
    return x509.load_pem_x509_csr(pem).public_bytes(Encoding.DER)


def _builder(subject: x509.Name, issuer: x509.Name, key: PublicKey) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _subject(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _digest(key: KeyPair) -> SHA256 | SHA384 | SHA512 | None:
    """The hash that goes with a curve; SHA-256 with RSA; Ed25519 has its own."""
    if SignatureScheme.ED25519 in key.schemes:
        return None
    return DIGESTS[key.curve] if key.curve else SHA256()


def _usage(key: KeyPair, *, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=not authority and key.enciphers,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _gateway_usages() -> x509.ExtendedKeyUsage:
    # serverAuth: Apple's and strongSwan's clients ask for it; IKE intermediate: Apple's and Windows' old ones
    return x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, IKE_INTERMEDIATE])


def _authority_identifier(authority: Certificate) -> x509.AuthorityKeyIdentifier:
    try:
        identifier = authority.handle.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.handle.public_key())  # type: ignore[arg-type]  # an authority without a key of a known kind was refused before
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _alternatives(names: GatewayNames) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName(
        [*(x509.DNSName(name) for name in names.dns), *(x509.IPAddress(address) for address in names.addresses)]
    )
