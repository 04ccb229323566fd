"""Throwaway certificates of every kind, good and bad, independent of lotor's own `pki`."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

_DAY = dt.timedelta(days=1)

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with its key, as PEM octets."""

    certificate: bytes
    key: bytes
    signer: tuple[x509.Certificate, Key]

    def save(self, directory: Path, name: str) -> None:
        """`name`.crt and `name`.key (mode 0600)."""
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"{name}.crt").write_bytes(self.certificate)
        key = directory / f"{name}.key"
        key.touch(0o600)
        key.write_bytes(self.key)


@dataclass(frozen=True, slots=True)
class _Request:
    """What is to be certified. `dates`: days from now, and how many; `key` None: one of the issuer's kind."""

    common_name: str
    names: tuple[str, ...] = ()
    dates: tuple[int, int] = (-1, 30)
    key: Key | None = None
    is_authority: bool = False


def authority(name: str = "Lab CA", *, curve: ec.EllipticCurve | None = None) -> Issued:
    """A self-signed certificate authority; with a curve it has an ECDSA key, and so has what it issues."""
    return _issue(_Request(name, key=_key(curve), is_authority=True), None)


def intermediate(issuer: Issued, name: str) -> Issued:
    """An authority below another."""
    return _issue(_Request(name, is_authority=True), issuer)


def gateway(
    issuer: Issued, *names: str, common_name: str = "gateway", age: int = 1, days: int = 30, key: Key | None = None
) -> Issued:
    """A leaf that carries `names` (DNS names, addresses, those of mail) as SAN; valid from `age` days ago (negative: in
    the future) for `days` days."""
    return _issue(_Request(common_name, names, (-age, days), key), issuer)


def user(issuer: Issued, name: str, *, age: int = 1, days: int = 30) -> Issued:
    """A leaf of a person, with the name as its CN alone."""
    return _issue(_Request(name, dates=(-age, days)), issuer)


def self_signed(*names: str, common_name: str = "gateway") -> Issued:
    return _issue(_Request(common_name, names), None)


def _issue(wanted: _Request, issuer: Issued | None) -> Issued:
    key = wanted.key or _key(_curve(issuer))
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, wanted.common_name)])
    start = dt.datetime.now(dt.UTC) + wanted.dates[0] * _DAY
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.signer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + wanted.dates[1] * _DAY)
        .add_extension(x509.BasicConstraints(ca=wanted.is_authority, path_length=None), critical=True)
    )
    if wanted.names:
        names = [_name(name) for name in wanted.names]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    certificate = builder.sign(issuer.signer[1] if issuer else key, hashes.SHA256())
    return Issued(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        ),
        (certificate, key),
    )


def _curve(issuer: Issued | None) -> ec.EllipticCurve | None:
    key = issuer.signer[1] if issuer else None
    return key.curve if isinstance(key, ec.EllipticCurvePrivateKey) else None


def _key(curve: ec.EllipticCurve | None) -> Key:
    if curve:
        return ec.generate_private_key(curve)
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _name(text: str) -> x509.GeneralName:
    if "@" in text:
        return x509.RFC822Name(text)
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.DNSName(text)
