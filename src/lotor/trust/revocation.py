"""Revocation lists from files: read again when a file changed, and asked for every certificate of a chain."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from lotor.crypto.certificates import Certificate
from lotor.crypto.x509.chains import Chain
from lotor.crypto.x509.revocation import RevocationList, read_revocation_lists
from lotor.files.private import FileError, read_public
from lotor.model.policy import CrlPolicy
from lotor.model.reasons.certificates import CertificateReason
from lotor.trust import refusals
from lotor.trust.specification import RemoteTrust

log = logging.getLogger(__name__)

LIST_FILES = ("*.crl", "*.r[0-9]", "*.r[0-9][0-9]")
"""In the directory of `path certificate`; the second and third are the hashed names of `openssl rehash`."""
LARGEST_LIST = 1 << 25
MOST_LIST_FILES = 2000

Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Read:
    """A file as it was read: by its inode, size and time of change."""

    stamp: Stamp
    lists: tuple[RevocationList, ...]


class ListFiles:
    """The files of one `remote` block. Authorities issue lists every day: a new file counts without a reload.

    A named file that cannot be read any more leaves the list that it held, until that one expires.
    """

    def __init__(self, rules: RemoteTrust) -> None:
        self._named = rules.crl
        self._directory = rules.certificate_directory
        self._read: dict[Path, Read] = {}

    def current(self) -> tuple[RevocationList, ...]:
        return tuple(one for path in self._paths() for one in self._lists_of(path))

    def load(self) -> tuple[list[str], list[str]]:
        """Reads all for the first time. Returns what is wrong with named files, and with those of the directory."""
        faults: tuple[list[str], list[str]] = ([], [])
        for path in self._paths():
            try:
                self._refresh(path)
            except (FileError, ValueError) as fault:
                faults[path not in self._named].append(_fault_text(path, fault))
        return faults

    @property
    def places(self) -> str:
        """Where lists are looked for, for a person."""
        named = [str(path) for path in self._named]
        return ", ".join([*named, *([f"{self._directory}/*.crl"] if self._directory else [])]) or "nowhere"

    def _paths(self) -> Sequence[Path]:
        directory = self._directory
        found = {path for pattern in LIST_FILES for path in directory.glob(pattern)} if directory else set()
        return (*self._named, *sorted(found - set(self._named))[:MOST_LIST_FILES])

    def _lists_of(self, path: Path) -> tuple[RevocationList, ...]:
        try:
            return self._refresh(path)
        except (FileError, ValueError) as fault:
            log.warning("%s", _fault_text(path, fault))
        last = self._read.get(path)
        return last.lists if last else ()

    def _refresh(self, path: Path) -> tuple[RevocationList, ...]:
        last, stamp = self._read.get(path), _stamp(path)
        if last is not None and last.stamp == stamp:
            return last.lists
        self._read[path] = Read(stamp, last.lists if last else ())  # what cannot be read is told once
        lists = read_revocation_lists(read_public(path, largest=LARGEST_LIST))
        self._read[path] = Read(stamp, lists)
        return lists


def revocation_fault(chain: Chain, files: ListFiles, policy: CrlPolicy, now: datetime) -> CertificateReason | None:
    """Why the chain does not count: a certificate of it was revoked, or nobody can tell. None when it may count."""
    if policy is CrlPolicy.OFF:
        return None
    lists = files.current()
    for certificate, issuer in pairwise(chain.certificates):
        own = [one for one in lists if one.covers(certificate) and one.signed_by(issuer)]
        if fault := _fault_of(certificate, own, now):
            return fault
        if not own and policy is CrlPolicy.REQUIRE:
            return refusals.no_revocation_list(certificate, files.places)
    return None


def expired_lists(files: ListFiles, now: datetime) -> Iterable[str]:
    """A sentence for each list that makes its authority's certificates useless now."""
    lists = files.current()
    for one in lists:
        newer = any(_is_current(other, now) and other.issuer == one.issuer for other in lists)
        if not newer and not _is_current(one, now):
            yield f"{refusals.stale_list(one, now)}; until then nothing that it issued is accepted"


def _fault_of(certificate: Certificate, lists: Sequence[RevocationList], now: datetime) -> CertificateReason | None:
    """A list that is out of date still tells who was revoked, but not who was not."""
    for one in lists:
        if revocation := one.revocation_of(certificate):
            return refusals.revoked(certificate, revocation)
    if not lists or any(_is_current(one, now) for one in lists):
        return None
    latest = max(lists, key=lambda one: one.since)
    return refusals.undecided(certificate, latest, now)


def _is_current(one: RevocationList, now: datetime) -> bool:
    return one.since <= now and (one.until is None or now <= one.until)


def _stamp(path: Path) -> Stamp:
    try:
        status = path.stat()
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}") from None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _fault_text(path: Path, fault: FileError | ValueError) -> str:
    return str(fault) if isinstance(fault, FileError) else f"revocation list {path}: {fault}"
