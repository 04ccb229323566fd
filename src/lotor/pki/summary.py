"""A certificate told in a few lines, for a person who checks it."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

from lotor.crypto.certificates import Certificate
from lotor.files.private import FileError
from lotor.model.text import clean
from lotor.pki.fault import PkiError
from lotor.pki.store import read_bundle


def show(file: Path, now: datetime | None = None) -> str:
    """Every certificate of a file. Raises `PkiError`."""
    try:
        bundle = read_bundle(file)
    except FileError as fault:
        raise PkiError(str(fault)) from None
    return "\n\n".join(summarize(one, now or datetime.now(UTC)) for one in bundle)


def summarize(certificate: Certificate, now: datetime) -> str:
    rows = (
        ("subject", str(certificate.subject) or "-"),
        ("issuer", "itself" if certificate.self_signed else str(certificate.issuer)),
        ("names", _names(certificate)),
        ("valid", f"{certificate.not_before:%Y-%m-%d %H:%M} to {certificate.not_after:%Y-%m-%d %H:%M} UTC"),
        ("", _state(certificate, now)),
        ("key", certificate.key_text),
        ("signed", f"with {certificate.digest}"),
        ("use", _use(certificate)),
        ("SHA-256", hashlib.sha256(certificate.der).digest().hex(":").upper()),
    )
    return "\n".join(f"{word:8} {value}" for word, value in rows if value)


def _names(certificate: Certificate) -> str:
    alternatives = [*certificate.dns_names, *map(str, certificate.addresses), *certificate.emails]
    common = certificate.subject.values("CN")
    return (
        clean(", ".join(alternatives)) if alternatives else clean(", ".join(common)) + " (common name)" * bool(common)
    )


def _state(certificate: Certificate, now: datetime) -> str:
    if now > certificate.not_after:
        return "expired"
    if now < certificate.not_before:
        return "not valid yet"
    return f"{(certificate.not_after - now).days} days left"


def _use(certificate: Certificate) -> str:
    if certificate.authority:
        return "authority"
    return "gateway" if certificate.gateway_usage else "user, not for a gateway"
