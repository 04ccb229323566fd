"""Certificates of every kind for tests: right ones, and wrong ones that a real authority would never issue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lotor.files.problems import Severity
from lotor.keys import Keyring
from lotor.trust import TrustStore

NOW = datetime(2040, 6, 1, 12, 0, tzinfo=UTC)


@cache
def key(label: str, bits: int = 2048, exponent: int = 65537) -> rsa.RSAPrivateKey:
    """The same label gives the same key within a run."""
    return rsa.generate_private_key(exponent, bits)


def key_pem(private) -> bytes:
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def name(text: str) -> x509.Name:
    """A common name, or `C=XX, O=Lab, CN=gw` in this order."""
    kinds = {
        "CN": NameOID.COMMON_NAME,
        "O": NameOID.ORGANIZATION_NAME,
        "C": NameOID.COUNTRY_NAME,
        "DC": NameOID.DOMAIN_COMPONENT,
    }
    if "=" not in text:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
    pairs = [part.split("=", 1) for part in text.split(", ")]
    return x509.Name([x509.NameAttribute(kinds[kind], value) for kind, value in pairs])


@dataclass
class Holder:
    """A certificate with its private key."""

    private: rsa.RSAPrivateKey
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def subject(self) -> bytes:
        return self.certificate.subject.public_bytes()

    def sign(self, octets: bytes) -> bytes:
        return self.private.sign(octets, padding.PKCS1v15(), utils.NoDigestInfo())


KEY_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


PRINCIPAL = x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")


def utf8(name: str) -> bytes:
    """A UTF8String, as a user principal name is one."""
    octets = name.encode()
    long = b"\x81" if len(octets) > 0x7F else b""
    return b"\x0c" + long + bytes([len(octets)]) + octets


@dataclass
class Wish:
    """What a certificate shall be like; the defaults are those of the HOW-TO's recipe. `principals`: user principal
    names, encoded."""

    subject: str = "vpn.example.net"
    name: x509.Name | None = None
    private: rsa.RSAPrivateKey | None = None
    dns: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    principals: tuple[bytes, ...] = ()
    ca: bool | None = False
    path_length: int | None = None
    start: datetime = NOW - timedelta(days=30)
    end: datetime = NOW + timedelta(days=300)
    digest: hashes.HashAlgorithm | None = None
    usages: tuple[x509.ObjectIdentifier, ...] = ()
    sign_certificates: bool | None = None
    key_usage: tuple[str, ...] | None = None
    permitted: tuple[str, ...] = ()


def _builder(wish: Wish, private, issuer: x509.Name) -> x509.CertificateBuilder:
    builder = (
        x509.CertificateBuilder()
        .subject_name(wish.name or name(wish.subject))
        .issuer_name(issuer)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(wish.start)
        .not_valid_after(wish.end)
    )
    for extension in _extensions(wish):
        builder = builder.add_extension(extension, critical=False)
    return builder


def _extensions(wish: Wish):
    if wish.ca is not None:
        yield x509.BasicConstraints(wish.ca, wish.path_length)
    names = [
        *map(x509.DNSName, wish.dns),
        *(x509.IPAddress(ip_address(one)) for one in wish.addresses),
        *map(x509.RFC822Name, wish.emails),
        *(x509.OtherName(PRINCIPAL, one) for one in wish.principals),
    ]
    if names:
        yield x509.SubjectAlternativeName(names)
    if wish.usages:
        yield x509.ExtendedKeyUsage(wish.usages)
    if wish.sign_certificates is not None:
        sign = wish.sign_certificates
        yield x509.KeyUsage(not sign, False, False, False, False, sign, False, False, False)
    if wish.key_usage is not None:
        yield x509.KeyUsage(**{one: one in wish.key_usage for one in KEY_USAGES})
    if wish.permitted:
        yield x509.NameConstraints([x509.DNSName(one) for one in wish.permitted], None)


def authority(subject: str = "Lab CA", label: str = "ca", **wish) -> Holder:
    """A self-signed authority."""
    wanted = Wish(subject=subject, **{"ca": True, "start": NOW - timedelta(days=9000), **wish})
    private = wanted.private or key(label)
    builder = _builder(wanted, private, name(subject))
    return Holder(private, builder.sign(private, wanted.digest or hashes.SHA256()))


def issue(issuer: Holder, label: str = "gateway", **wish) -> Holder:
    wanted = Wish(**wish)
    private = wanted.private or key(label)
    builder = _builder(wanted, private, issuer.certificate.subject)
    return Holder(private, builder.sign(issuer.private, wanted.digest or hashes.SHA256()))


def self_signed(label: str = "gateway", **wish) -> Holder:
    wanted = Wish(**wish)
    private = wanted.private or key(label)
    return Holder(private, _builder(wanted, private, name(wanted.subject)).sign(private, hashes.SHA256()))


@dataclass
class ListWish:
    """What a revocation list shall be like."""

    start: datetime = NOW - timedelta(days=1)
    end: datetime | None = NOW + timedelta(days=6)
    reason: x509.ReasonFlags | None = None
    extensions: tuple[tuple[x509.ExtensionType, bool], ...] = ()


def revocation_list(issuer: Holder, *revoked: Holder, **wish) -> x509.CertificateRevocationList:
    wanted = ListWish(**wish)
    builder = x509.CertificateRevocationListBuilder().issuer_name(issuer.certificate.subject)
    builder = builder.last_update(wanted.start).next_update(wanted.end or NOW + timedelta(days=1))
    for one in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(one.certificate.serial_number)
        entry = entry.revocation_date(NOW - timedelta(days=3))
        if wanted.reason:
            entry = entry.add_extension(x509.CRLReason(wanted.reason), critical=False)
        builder = builder.add_revoked_certificate(entry.build())
    for extension, critical in wanted.extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(issuer.private, hashes.SHA256())


def list_pem(issuer: Holder, *revoked: Holder, **wish) -> bytes:
    return revocation_list(issuer, *revoked, **wish).public_bytes(serialization.Encoding.PEM)


def scope(**kinds) -> tuple[x509.ExtensionType, bool]:
    """An issuing distribution point that limits what a list covers."""
    fields = dict.fromkeys(("full_name", "relative_name", "only_some_reasons"))
    flags = ("only_contains_user_certs", "only_contains_ca_certs", "indirect_crl", "only_contains_attribute_certs")
    return x509.IssuingDistributionPoint(**{**fields, **dict.fromkeys(flags, False), **kinds}), True


USER_ONLY = (ExtendedKeyUsageOID.CLIENT_AUTH,)
GATEWAY = (ExtendedKeyUsageOID.SERVER_AUTH,)


def errors(loaded: Keyring | TrustStore) -> list[str]:
    """The sentences that keep a program from starting."""
    return [each.text for each in loaded.problems if each.severity is Severity.ERROR]
