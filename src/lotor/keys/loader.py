"""From the files of a `remote` block to our own chain and key in memory, with every problem found on the way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lotor.crypto.certificates import BROKEN_DIGESTS, LEAST_RSA_BITS, Certificate, leaf_first, moment
from lotor.crypto.private.keypair import KeyPair
from lotor.crypto.private.pkcs12 import Bundle
from lotor.files.problems import Findings
from lotor.keys.own import read_certificate_file, read_key_file, read_passphrase
from lotor.keys.specification import RemoteKeys
from lotor.model.secret import Secret


@dataclass(frozen=True, slots=True)
class Material:
    """What one `remote` block has in memory."""

    keys: RemoteKeys
    chain: tuple[Certificate, ...] = ()
    key: KeyPair | None = None


class Loader:
    """Loads one block; `problems` grows, nothing is raised for what a file holds."""

    def __init__(self, keys: RemoteKeys, now: datetime) -> None:
        self._keys = keys
        self._now = now
        findings = Findings(keys.name)
        self._error, self._warn, self._attempt = findings.error, findings.warn, findings.attempt
        self.problems = findings.found

    def load(self) -> Material:
        chain, key = self._load_own()
        return Material(self._keys, chain, key)

    def _load_own(self) -> tuple[tuple[Certificate, ...], KeyPair | None]:
        certificate, private = self._keys.certificate, self._keys.private_key
        if certificate is None:
            return (), None
        passphrase = self._load_passphrase()
        shown = self._attempt(lambda: read_certificate_file(certificate, passphrase)) or Bundle()
        held = self._attempt(lambda: read_key_file(private, passphrase)) if private else shown
        if private is None and shown.certificates and shown.key is None:
            self._error(f"certificate {certificate} has no private key beside it in certificate_type")
        chain, key = leaf_first(shown.certificates), held.key if held else None
        if chain and key:
            self._check_own(chain, key)
        return chain, key

    def _load_passphrase(self) -> Secret | None:
        path = self._keys.passphrase
        return self._attempt(lambda: read_passphrase(path)) if path else None

    def _check_own(self, chain: tuple[Certificate, ...], key: KeyPair) -> None:
        keys, leaf, file = self._keys, chain[0], self._keys.certificate
        if not key.fits(leaf):
            self._error(
                f"private key {keys.private_key or file} does not belong to certificate {file} ({leaf.subject})"
            )
        if self._now > leaf.not_after:
            self._warn(f"our certificate {file} expired on {moment(leaf.not_after)}: clients will refuse it, renew it")
        elif self._now < leaf.not_before:
            self._warn(f"our certificate {file} is valid only from {moment(leaf.not_before)}: clients refuse it now")
        if keys.signs and keys.ecdsa and leaf.curve is None:
            self._error(not_ecdsa(leaf, file))
        elif keys.signs and keys.ecdsa is False and leaf.rsa_key is None:
            self._error(not_rsa(leaf, file))
        if leaf.rsa_key and leaf.key_bits < LEAST_RSA_BITS:
            self._warn(f"our certificate {file} has a key of {leaf.key_bits} bits: clients refuse less than 2048")
        if leaf.digest in BROKEN_DIGESTS:
            self._warn(f"our certificate {file} is signed with {leaf.digest}: clients refuse it, use SHA-256")


def not_rsa(leaf: Certificate, file: Path | None) -> str:
    return (
        f"certificate {file} has no RSA key ({leaf.key_text}), and this authentication_method signs with RSA: make an "
        "RSA certificate, or use authentication_method ecdsasig, which has no login (RFC 4754)"
    )


def not_ecdsa(leaf: Certificate, file: Path | None) -> str:
    return (
        f"certificate {file} has no ECDSA key on P-256, P-384 or P-521 ({leaf.key_text}), and authentication_method "
        "ecdsasig signs with one: make such a certificate (lotor pki gateway --key ec256), or use rsasig"
    )
