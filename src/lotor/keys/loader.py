"""From the files of a `remote` block to our own chain and key in memory, with every problem found on the way."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from lotor.crypto.certificates import (
    BROKEN_DIGESTS,
    LEAST_RSA_BITS,
    Certificate,
    issued_by,
    leaf_first,
    moment,
    read_certificates,
)
from lotor.crypto.private.keypair import KeyPair
from lotor.crypto.private.pkcs12 import Bundle
from lotor.files.private import FileError, read_public
from lotor.files.problems import Findings
from lotor.keys.own import read_certificate_file, read_key_file, read_passphrase
from lotor.keys.specification import OwnFiles, RemoteKeys
from lotor.model.algorithms import SignatureScheme
from lotor.model.frozen import frozen
from lotor.model.secret import Secret

AUTHORITY = "ca.crt"
"""The authority beside a certificate, as `lotor pki` writes it."""


@frozen
class Owned:
    """One of our certificates in memory. `authority`: the one at the end of the chain, or beside its file."""

    files: OwnFiles
    chain: tuple[Certificate, ...] = ()
    key: KeyPair | None = None
    authority: Certificate | None = None

    @property
    def schemes(self) -> tuple[SignatureScheme, ...]:
        return self.key.schemes if self.key else ()


@frozen
class Material:
    """What one `remote` block has in memory. `owned`: each with another kind of key, in the order of the file."""

    keys: RemoteKeys
    owned: tuple[Owned, ...] = ()

    @property
    def first(self) -> Owned | None:
        """The one of IKEv1: the first with the kind of key that the block's methods sign with."""
        fitting = (each for each in self.owned if _suits(self.keys, each))
        return next(fitting, next(iter(self.owned), None))

    @property
    def key(self) -> KeyPair | None:
        return self.first.key if self.first else None

    def key_for(self, scheme: SignatureScheme) -> KeyPair | None:
        """That which signs by it, else the first, which tells that it cannot."""
        return next((each.key for each in self.owned if scheme in each.schemes), self.key)


def _suits(keys: RemoteKeys, owned: Owned) -> bool:
    """Whether the methods of IKEv1 can sign with it."""
    if not owned.chain or keys.ecdsa is None:
        return bool(owned.chain)
    return (owned.chain[0].curve if keys.ecdsa else owned.chain[0].rsa_key) is not None


class Loader:
    """Loads one block; `problems` grows, nothing is raised for what a file holds."""

    def __init__(self, keys: RemoteKeys, now: datetime) -> None:
        self._keys = keys
        self._now = now
        findings = Findings(keys.name)
        self._error, self._warn, self._attempt = findings.error, findings.warn, findings.attempt
        self.problems = findings.found

    def load(self) -> Material:
        passphrase = self._load_passphrase()
        material = Material(self._keys, self._distinct([self._load_own(each, passphrase) for each in self._keys.own]))
        self._check_kind(material)
        return material

    def _distinct(self, found: list[Owned]) -> tuple[Owned, ...]:
        """Of two with one kind of key the last counts, as of any directive that is given twice."""
        kept: list[Owned] = []
        for each in found:
            same = [one for one in kept if not set(one.schemes).isdisjoint(each.schemes)]
            kept = [*(one for one in kept if one not in same), each]
            for one in same:
                text = "have the same kind of key: the last counts; side by side stand one of RSA and one of ECDSA"
                self._warn(f"certificates {one.files.certificate} and {each.files.certificate} {text}")
        return tuple(kept)

    def _load_own(self, files: OwnFiles, passphrase: Secret | None) -> Owned:
        certificate, private = files.certificate, files.private_key
        shown = self._attempt(lambda: read_certificate_file(certificate, passphrase)) or Bundle()
        held = self._attempt(lambda: read_key_file(private, passphrase)) if private else shown
        if private is None and shown.certificates and shown.key is None:
            self._error(f"certificate {certificate} has no private key beside it in certificate_type")
        owned = Owned(files, leaf_first(shown.certificates), held.key if held else None)
        if owned.chain and owned.key:
            self._check_own(files, owned.chain[0], owned.key)
            return replace(owned, authority=_authority(owned))
        return owned

    def _load_passphrase(self) -> Secret | None:
        path = self._keys.passphrase if self._keys.own else None
        return self._attempt(lambda: read_passphrase(path)) if path else None

    def _check_own(self, files: OwnFiles, leaf: Certificate, key: KeyPair) -> None:
        file = files.certificate
        if not key.fits(leaf):
            self._error(
                f"private key {files.private_key or file} does not belong to certificate {file} ({leaf.subject})"
            )
        if self._now > leaf.not_after:
            self._warn(f"our certificate {file} expired on {moment(leaf.not_after)}: clients will refuse it, renew it")
        elif self._now < leaf.not_before:
            self._warn(f"our certificate {file} is valid only from {moment(leaf.not_before)}: clients refuse it now")
        if leaf.rsa_key and leaf.key_bits < LEAST_RSA_BITS:
            self._warn(f"our certificate {file} has a key of {leaf.key_bits} bits: clients refuse less than 2048")
        if leaf.digest in BROKEN_DIGESTS:
            self._warn(f"our certificate {file} is signed with {leaf.digest}: clients refuse it, use SHA-256")

    def _check_kind(self, material: Material) -> None:
        """Whether IKEv1 has one to sign with."""
        keys, first = self._keys, material.first
        if first is None or not keys.signs or not (first.chain and first.key) or _suits(keys, first):
            return
        self._error((not_ecdsa if keys.ecdsa else not_rsa)(first.chain[0], first.files.certificate))


def _authority(owned: Owned) -> Certificate | None:
    last, beside = owned.chain[-1], owned.files.certificate.parent / AUTHORITY
    if last.self_signed:
        return last
    with contextlib.suppress(FileError, OSError, ValueError):
        return next((each for each in read_certificates(read_public(beside)) if issued_by(last, each)), None)
    return None


def not_rsa(leaf: Certificate, file: Path) -> str:
    return (
        f"certificate {file} has no RSA key ({leaf.key_text}), and this authentication_method signs with RSA: make an "
        "RSA certificate, or use authentication_method ecdsasig, which has no login (RFC 4754)"
    )


def not_ecdsa(leaf: Certificate, file: Path) -> str:
    return (
        f"certificate {file} has no ECDSA key on P-256, P-384 or P-521 ({leaf.key_text}), and authentication_method "
        "ecdsasig signs with one: make such a certificate (lotor pki gateway --key ec256), or use rsasig"
    )
