"""Our own certificate and private key: PEM files or PKCS#12, the latter two encrypted or not."""

from __future__ import annotations

from pathlib import Path

from lotor.crypto.certificates import read_certificates
from lotor.crypto.private.keypair import load_key
from lotor.crypto.private.pkcs12 import Bundle, is_bundle, load_bundle
from lotor.files.private import FileError, read_private, read_public
from lotor.model.secret import Secret


def read_passphrase(path: Path) -> Secret:
    """The first line of a private file. Raises `FileError`."""
    line = read_private(path).split(b"\n", 1)[0].removesuffix(b"\r")
    if not line:
        raise FileError(f"{path} has no passphrase in its first line")
    return Secret(line)


def read_certificate_file(path: Path, passphrase: Secret | None) -> Bundle:
    """A certificate, with its chain or without; a PKCS#12 file has the key as well, and so must be private.

    Raises `FileError`, and `ValueError` with a whole sentence.
    """
    octets = read_public(path)
    try:
        found = load_bundle(read_private(path), passphrase) if is_bundle(octets) else Bundle(read_certificates(octets))
    except ValueError as fault:
        raise ValueError(f"certificate {path}: {fault}") from None
    if not found.certificates:
        raise ValueError(f"certificate {path}: there is no certificate in this PKCS#12 file")
    return found


def read_key_file(path: Path, passphrase: Secret | None) -> Bundle:
    """A private key in PEM, or a PKCS#12 file with one. Raises as `read_certificate_file` does."""
    octets = read_private(path)
    try:
        found = load_bundle(octets, passphrase) if is_bundle(octets) else Bundle(key=load_key(octets, passphrase))
    except ValueError as fault:
        raise ValueError(f"private key {path}: {fault}") from None
    if found.key is None:
        raise ValueError(f"private key {path}: there is no private key in this PKCS#12 file")
    return found
