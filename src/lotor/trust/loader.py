"""From the files of a `remote` block to anchors and revocation lists in memory, with every problem found on the way."""

from __future__ import annotations

import contextlib
from datetime import datetime
from pathlib import Path

from lotor.crypto.certificates import Certificate, CertificateError, leaf_first, moment, read_certificates
from lotor.crypto.x509.chains import Fault, date_fault
from lotor.files.problems import Findings
from lotor.files.public import Content, Kind, Unreadable
from lotor.model.policy import CrlPolicy, Side
from lotor.ports.public_files import PublicFiles
from lotor.trust import refusals
from lotor.trust.grounds import Grounds
from lotor.trust.revocation import ListFiles, expired_lists
from lotor.trust.specification import RemoteTrust

UNVERIFIED = {
    Side.CLIENT: "verify_cert off: anybody can pose as the gateway and collect passwords",
    Side.GATEWAY: "verify_cert off: a client may make its certificate itself, so anybody passes for a client",
}


class Loader:
    """Loads one block; `problems` grows, nothing is raised for what a file holds."""

    def __init__(self, rules: RemoteTrust, now: datetime, files: PublicFiles) -> None:
        self._rules = rules
        self._files = files
        self._now = now
        findings = Findings(rules.name)
        self._error, self._warn, self._attempt = findings.error, findings.warn, findings.attempt
        self.problems = findings.found

    def load(self) -> Grounds:
        anchors, place = self._load_anchors()
        pinned = self._load_pinned()
        self._check_rules(anchors, pinned)
        return Grounds(self._rules, anchors, place, pinned, self._load_lists())

    def _load_anchors(self) -> tuple[tuple[Certificate, ...], str]:
        rules = self._rules
        if rules.ca:
            found = [one for path in rules.ca for one in self._certificates(path)]
            for one in found:
                self._check_anchor(one)
            return tuple(found), ", ".join(str(path) for path in rules.ca)
        if not rules.judges or rules.certificate_directory is None or rules.peers_certfile is not None:
            return (), ""
        anchors = self._authorities_in(rules.certificate_directory)
        if len(anchors) > 1 and rules.verify_cert:
            directory = rules.certificate_directory
            self._warn(f"all {len(anchors)} authorities in {directory} are trusted: name the right one with ca_type")
        return anchors, str(rules.certificate_directory)

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
        if self._rules.peers_certfile is None:
            return None
        found = self._certificates(self._rules.peers_certfile)
        pinned = leaf_first(found)[0] if found else None
        ecdsa = self._rules.ecdsa
        if pinned and self._rules.judges and ecdsa is not None and ecdsa is not (pinned.curve is not None):
            self._error(refusals.pinned_key(pinned, self._rules.peers_certfile, ecdsa=ecdsa))
        return pinned

    def _load_lists(self) -> ListFiles | None:
        rules = self._rules
        if not rules.judges or rules.crl_policy is CrlPolicy.OFF or rules.peers_certfile or not rules.verify_cert:
            return None
        files = ListFiles(rules, self._files)
        errors, warnings = files.load()
        for text in errors:
            self._error(text)
        for text in warnings:
            self._warn(f"{text}; it is left out")
        for text in expired_lists(files, self._now):
            self._warn(text)
        return files

    def _check_rules(self, anchors: tuple[Certificate, ...], pinned: Certificate | None) -> None:
        rules = self._rules
        if not rules.judges or rules.peers_certfile is not None:
            return
        if not rules.verify_cert:
            self._warn(UNVERIFIED[rules.side])
        elif not anchors and not rules.ca:
            peer = "client" if rules.side is Side.GATEWAY else "gateway"
            self._error(f'there is no CA certificate to check the {peer} with: add ca_type x509 "ca.crt";')
        elif rules.verify_identifier is False and pinned is None and rules.side is Side.CLIENT:
            self._warn("verify_identifier off: every holder of a certificate of the CA can pose as the gateway")

    def _certificates(self, path: Path) -> tuple[Certificate, ...]:
        match self._files.read(path, Kind.CERTIFICATES):
            case Unreadable(why=why):
                self._error(why)
            case Content(octets=octets):
                return self._attempt(lambda: read_certificates(octets), f"certificate {path}: ") or ()
        return ()

    def _authorities_in(self, directory: Path) -> tuple[Certificate, ...]:
        """Every CA certificate of a directory; other files (our own certificate, for one) are none of its business."""
        found: dict[bytes, Certificate] = {}
        listing = self._files.listing(directory, Kind.CERTIFICATES)
        if isinstance(listing, Unreadable):
            self._error(listing.why)
            return ()
        for each in listing:
            content = self._files.read(each.path, Kind.CERTIFICATES)
            if not isinstance(content, Content):
                continue
            with contextlib.suppress(CertificateError):
                found.update((one.der, one) for one in read_certificates(content.octets) if one.authority)
        return tuple(found.values())
