"""Revocation lists from files: read again when a file changed, and asked for every certificate of a chain."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from lotor.crypto.certificates import Certificate
from lotor.crypto.x509.chains import Chain
from lotor.crypto.x509.revocation import RevocationList, read_revocation_lists
from lotor.files.public import Content, Kind, Listed, Stamp, Unreadable
from lotor.model.frozen import frozen
from lotor.model.policy import CrlPolicy
from lotor.model.reasons.certificates import CertificateReason
from lotor.ports.public_files import PublicFiles
from lotor.trust import refusals
from lotor.trust.specification import RemoteTrust

log = logging.getLogger(__name__)


@frozen
class Read:
    """A file as it was read; `stamp` None: it could not even be looked at."""

    stamp: Stamp | None
    lists: tuple[RevocationList, ...]


class ListFiles:
    """The files of one `remote` block. Authorities issue lists every day: a new file counts without a reload.

    A named file that cannot be read any more leaves the list that it held, until that one expires.
    """

    def __init__(self, rules: RemoteTrust, files: PublicFiles) -> None:
        self._named = rules.crl
        self._directory = rules.certificate_directory
        self._files = files
        self._read: dict[Path, Read] = {}
        self._found: Sequence[Listed] = ()

    def current(self) -> tuple[RevocationList, ...]:
        return tuple(one for each in self._listed(_log) for one in self._lists_of(each))

    def load(self) -> tuple[list[str], list[str]]:
        """Reads all for the first time. Returns what is wrong with named files, and with those of the directory."""
        faults: tuple[list[str], list[str]] = ([], [])
        for each in self._listed(faults[0].append):
            try:
                self._refresh(each.path)
            except ValueError as fault:
                faults[each.path not in self._named].append(str(fault))
        return faults

    @property
    def places(self) -> str:
        """Where lists are looked for, for a person."""
        named = [str(path) for path in self._named]
        return ", ".join([*named, *([f"{self._directory}/*.crl"] if self._directory else [])]) or "nowhere"

    def _listed(self, tell: Callable[[str], None]) -> list[Listed]:
        """Named files have no stamp here: they are asked for theirs. Where nobody answers, the directory has what it
        had: who was revoked stays so. `tell` hears of it."""
        found: Sequence[Listed] = ()
        if self._directory:
            listing = self._files.listing(self._directory, Kind.LISTS)
            if isinstance(listing, Unreadable):
                tell(listing.why)
            else:
                self._found = listing
            found = self._found
        named = set(self._named)
        return [*(Listed(path, None) for path in self._named), *(each for each in found if each.path not in named)]

    def _lists_of(self, each: Listed) -> tuple[RevocationList, ...]:
        last = self._read.get(each.path)
        if last is not None and each.stamp is not None and last.stamp == each.stamp:
            return last.lists
        try:
            return self._refresh(each.path)
        except ValueError as fault:
            _log(str(fault))
        last = self._read.get(each.path)
        return last.lists if last else ()

    def _refresh(self, path: Path) -> tuple[RevocationList, ...]:
        """Raises `ValueError` with a whole sentence."""
        last = self._read.get(path, Read(None, ()))
        found = self._files.read(path, Kind.LISTS, last.stamp)
        if found is None:
            return last.lists
        if found.stamp is not None:
            self._read[path] = Read(found.stamp, last.lists)  # what cannot be read is told once
        lists = _lists_in(path, found)
        self._read[path] = Read(found.stamp, lists)
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


def _log(text: str) -> None:
    log.warning("%s", text)


def _lists_in(path: Path, found: Content | Unreadable) -> tuple[RevocationList, ...]:
    match found:
        case Unreadable(why=why):
            raise ValueError(why)
        case Content(octets=octets):
            try:
                return read_revocation_lists(octets)
            except ValueError as fault:
                raise ValueError(f"revocation list {path}: {fault}") from None
