"""From the files of a `remote` block to keys and anchors in memory, with every problem found on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from lotor.crypto.certificates import (
    BROKEN_DIGESTS,
    LEAST_RSA_BITS,
    Certificate,
    CertificateError,
    leaf_first,
    read_certificates,
)
from lotor.crypto.private.keypair import KeyPair
from lotor.crypto.private.pkcs12 import Bundle
from lotor.crypto.x509.chains import Fault, date_fault
from lotor.files.private import FileError, read_trusted
from lotor.keys.own import read_certificate_file, read_key_file, read_passphrase
from lotor.model.policy import CrlPolicy, Side
from lotor.model.secret import Secret
from lotor.trust import refusals
from lotor.trust.grounds import Grounds
from lotor.trust.refusals import moment
from lotor.trust.revocation import ListFiles, expired_lists
from lotor.trust.specification import Problem, RemoteKeys, Severity

T = TypeVar("T")

ANCHOR_FILES = ("*.crt", "*.pem", "*.cer", "*.[0-9]")
MOST_ANCHOR_FILES = 2000

UNVERIFIED = {
    Side.CLIENT: "verify_cert off: anybody can pose as the gateway and collect passwords",
    Side.GATEWAY: "verify_cert off: a client may make its certificate itself, so anybody passes for a client",
}


@dataclass(frozen=True, slots=True)
class Material:
    """What one `remote` block has in memory."""

    keys: RemoteKeys
    chain: tuple[Certificate, ...]
    key: KeyPair | None
    grounds: Grounds


class Loader:
    """Loads one block; `problems` grows, nothing is raised for what a file holds."""

    def __init__(self, keys: RemoteKeys, now: datetime) -> None:
        self._keys = keys
        self._now = now
        self.problems: list[Problem] = []

    def load(self) -> Material:
        chain, key = self._load_own()
        anchors, place = self._load_anchors()
        pinned = self._load_pinned()
        self._check_rules(anchors, pinned)
        return Material(self._keys, chain, key, Grounds(self._keys, anchors, place, pinned, self._load_lists()))

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
        fault = date_fault(leaf, self._now)
        if fault and fault.fault is Fault.EXPIRED:
            self._warn(f"our certificate {file} expired on {moment(leaf.not_after)}: clients will refuse it, renew it")
        elif fault:
            self._warn(f"our certificate {file} is valid only from {moment(leaf.not_before)}: clients refuse it now")
        if keys.signs and keys.ecdsa and leaf.curve is None:
            self._error(refusals.own_key_not_ecdsa(leaf, file))
        elif keys.signs and not keys.ecdsa and leaf.rsa_key is None:
            self._error(refusals.own_key_not_rsa(leaf, file))
        if leaf.rsa_key and leaf.key_bits < LEAST_RSA_BITS:
            self._warn(f"our certificate {file} has a key of {leaf.key_bits} bits: clients refuse less than 2048")
        if leaf.digest in BROKEN_DIGESTS:
            self._warn(f"our certificate {file} is signed with {leaf.digest}: clients refuse it, use SHA-256")

    def _load_anchors(self) -> tuple[tuple[Certificate, ...], str]:
        keys = self._keys
        if keys.ca:
            found = [one for path in keys.ca for one in self._certificates(path)]
            for one in found:
                self._check_anchor(one)
            return tuple(found), ", ".join(str(path) for path in keys.ca)
        if not keys.judges or keys.certificate_directory is None or keys.peers_certfile is not None:
            return (), ""
        anchors = _authorities_in(keys.certificate_directory)
        if len(anchors) > 1 and keys.verify_cert:
            directory = keys.certificate_directory
            self._warn(f"all {len(anchors)} authorities in {directory} are trusted: name the right one with ca_type")
        return anchors, str(keys.certificate_directory)

    def _check_anchor(self, anchor: Certificate) -> None:
        if not anchor.authority:
            self._error(
                f"ca_type names {anchor.subject}, which is not the certificate of an authority (CA:TRUE is missing); "
                "to accept exactly this certificate use peers_certfile instead"
            )
        elif (fault := date_fault(anchor, self._now)) and fault.fault is Fault.EXPIRED:
            self._warn(
                f"the authority {anchor.subject} expired on {moment(anchor.not_after)}: nothing it issued is valid"
            )

    def _load_pinned(self) -> Certificate | None:
        if self._keys.peers_certfile is None:
            return None
        found = self._certificates(self._keys.peers_certfile)
        pinned = leaf_first(found)[0] if found else None
        if pinned and self._keys.judges and self._keys.ecdsa is not (pinned.curve is not None):
            self._error(refusals.pinned_key(pinned, self._keys.peers_certfile, ecdsa=self._keys.ecdsa))
        return pinned

    def _load_lists(self) -> ListFiles | None:
        keys = self._keys
        if not keys.judges or keys.crl_policy is CrlPolicy.OFF or keys.peers_certfile or not keys.verify_cert:
            return None
        files = ListFiles(keys)
        errors, warnings = files.load()
        for text in errors:
            self._error(text)
        for text in warnings:
            self._warn(f"{text}; it is left out")
        for text in expired_lists(files, self._now):
            self._warn(text)
        return files

    def _check_rules(self, anchors: tuple[Certificate, ...], pinned: Certificate | None) -> None:
        keys = self._keys
        if not keys.judges or keys.peers_certfile is not None:
            return
        if not keys.verify_cert:
            self._warn(UNVERIFIED[keys.side])
        elif not anchors and not keys.ca:
            peer = "client" if keys.side is Side.GATEWAY else "gateway"
            self._error(f'there is no CA certificate to check the {peer} with: add ca_type x509 "ca.crt";')
        elif keys.verify_identifier is False and pinned is None and keys.side is Side.CLIENT:
            self._warn("verify_identifier off: every holder of a certificate of the CA can pose as the gateway")

    def _certificates(self, path: Path) -> tuple[Certificate, ...]:
        return self._attempt(lambda: read_certificates(read_trusted(path)), f"certificate {path}: ") or ()

    def _attempt(self, action: Callable[[], T], place: str = "") -> T | None:
        try:
            return action()
        except FileError as fault:
            self._error(str(fault))
        except ValueError as fault:
            self._error(f"{place}{fault}")
        return None

    def _error(self, text: str) -> None:
        self.problems.append(Problem(Severity.ERROR, self._keys.name, text))

    def _warn(self, text: str) -> None:
        self.problems.append(Problem(Severity.WARNING, self._keys.name, text))


def _authorities_in(directory: Path) -> tuple[Certificate, ...]:
    """Every CA certificate of a directory; other files (our own certificate, for one) are none of its business."""
    paths = sorted({path for pattern in ANCHOR_FILES for path in directory.glob(pattern)})[:MOST_ANCHOR_FILES]
    found: dict[bytes, Certificate] = {}
    for path in paths:
        try:
            certificates = read_certificates(read_trusted(path))
        except (FileError, CertificateError):
            continue
        found.update((one.der, one) for one in certificates if one.authority)
    return tuple(found.values())
