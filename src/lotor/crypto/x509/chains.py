"""Whether a certificate chain leads to an authority of ours. The library decides; this module explains a refusal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import Enum, auto

from cryptography import x509
from cryptography.x509.verification import Criticality, ExtensionPolicy, PolicyBuilder, Store, VerificationError

from lotor.crypto.certificates import BROKEN_DIGESTS, LEAST_RSA_BITS, Certificate
from lotor.crypto.x509.received import MOST_RECEIVED
from lotor.model.frozen import frozen

DEEPEST = MOST_RECEIVED
"""Certificates between the leaf and an authority of ours at most."""
WRONG_SIGNATURE = "signature does not match"
"""In the library's words."""


class Fault(Enum):
    """What is wrong with a chain."""

    SELF_SIGNED = auto()
    EXPIRED = auto()
    NOT_YET_VALID = auto()
    VERSION_1 = auto()
    WEAK_KEY = auto()
    WEAK_DIGEST = auto()
    UNKNOWN_ISSUER = auto()
    FORGED = auto()
    NO_AUTHORITY = auto()
    TOO_LONG = auto()
    OTHER = auto()


@frozen
class ChainFault:
    """`certificate` is the one at fault, not always the leaf. `detail` is the library's word for `OTHER`."""

    fault: Fault
    certificate: Certificate
    detail: str = ""


@frozen
class Chain:
    """A proved chain: the leaf, its issuers, the anchor last."""

    certificates: tuple[Certificate, ...]

    @property
    def leaf(self) -> Certificate:
        return self.certificates[0]

    @property
    def issuers(self) -> tuple[Certificate, ...]:
        return self.certificates[1:]


def verify_chain(
    leaf: Certificate, received: Sequence[Certificate], anchors: Sequence[Certificate], now: datetime
) -> Chain | ChainFault:
    """Signatures, dates, CA flags, path lengths and name constraints up to one of the `anchors` (RFC 5280 §6).

    `received` are certificates of the peer: they may help, they are never trusted. Nothing is fetched from anywhere.
    """
    if leaf.self_signed:
        return ChainFault(Fault.SELF_SIGNED, leaf)
    if not anchors:
        return ChainFault(Fault.UNKNOWN_ISSUER, leaf)
    helpers = _distinct(received)
    try:
        chain = _prove(leaf, helpers, anchors, now)
    except (VerificationError, ValueError) as refusal:
        return _diagnose(leaf, anchors, helpers, now) or _unexplained(leaf, helpers, anchors, str(refusal))
    powerless = next((issuer for issuer in chain.issuers if issuer.signs_certificates is False), None)
    return ChainFault(Fault.NO_AUTHORITY, powerless) if powerless else chain


def _distinct(received: Sequence[Certificate]) -> tuple[Certificate, ...]:
    """The certificates that can help, each once: duplicates would be tried in every order. Of certificates of one
    subject, issuer and key the newest is kept. A self-issued certificate is left out if another one vouches for its
    key."""
    found: dict[tuple[bytes, bytes, bytes], Certificate] = {}
    for one in sorted(received, key=lambda each: each.not_after):
        found[one.subject.der, one.issuer.der, one.key_octets] = one
    vouched = {(subject, key) for (subject, issuer, key) in found if subject != issuer}
    return tuple(
        one for (subject, issuer, key), one in found.items() if subject != issuer or (subject, key) not in vouched
    )


def date_fault(certificate: Certificate, now: datetime) -> ChainFault | None:
    if now > certificate.not_after:
        return ChainFault(Fault.EXPIRED, certificate)
    if now < certificate.not_before:
        return ChainFault(Fault.NOT_YET_VALID, certificate)
    return None


def _prove(leaf: Certificate, received: Sequence[Certificate], anchors: Sequence[Certificate], now: datetime) -> Chain:
    # Certificates of the HOW-TO's recipe have neither alternative names nor usages: names are judged in `trust`.
    authorities = ExtensionPolicy.permit_all().require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
    verifier = (
        PolicyBuilder()
        .store(Store([one.handle for one in anchors]))
        .time(now)
        .max_chain_depth(DEEPEST)
        .extension_policies(ca_policy=authorities, ee_policy=ExtensionPolicy.permit_all())
        .build_client_verifier()
    )
    proved = verifier.verify(leaf.handle, [one.handle for one in received]).chain
    known = {one.handle: one for one in (leaf, *received, *anchors)}
    return Chain(tuple(known[handle] for handle in proved))


def _diagnose(
    leaf: Certificate, anchors: Sequence[Certificate], helpers: Sequence[Certificate], now: datetime
) -> ChainFault | None:
    """Walks up the refused chain by names, to the first certificate that explains the refusal. Nothing is verified
    again. None: the names lead to an authority of ours. A peer may have sent its own one along, which is none."""
    current, issuers, ours = leaf, (*anchors, *helpers), {one.subject.der for one in anchors}
    for _ in range(DEEPEST + 1):
        if fault := _own_fault(current, now):
            return fault
        issuer = _issuer_of(current, issuers)
        if isinstance(issuer, ChainFault):
            return issuer
        if issuer.self_issued:
            strange = None if issuer.subject.der in ours else ChainFault(Fault.UNKNOWN_ISSUER, current)
            return _own_fault(issuer, now) or strange
        current = issuer
    return ChainFault(Fault.TOO_LONG, leaf)


def _unexplained(
    leaf: Certificate, helpers: Sequence[Certificate], anchors: Sequence[Certificate], refusal: str
) -> ChainFault:
    """With no certificate in between, or only one of the authority's name, the leaf's signature is wrong. `refusal` is
    the library's word."""
    named = any(one.subject.der == leaf.issuer.der for one in anchors)
    namesake = any(one.subject.der == leaf.issuer.der for one in helpers)
    forged = named and (namesake or WRONG_SIGNATURE in refusal)
    return ChainFault(Fault.FORGED, leaf) if forged else ChainFault(Fault.OTHER, leaf, refusal)


def _own_fault(certificate: Certificate, now: datetime) -> ChainFault | None:
    if fault := date_fault(certificate, now):
        return fault
    if certificate.version != 3:
        return ChainFault(Fault.VERSION_1, certificate)
    if certificate.rsa_key and certificate.key_bits < LEAST_RSA_BITS:
        return ChainFault(Fault.WEAK_KEY, certificate)
    if certificate.digest in BROKEN_DIGESTS:
        return ChainFault(Fault.WEAK_DIGEST, certificate)
    return None


def _issuer_of(certificate: Certificate, issuers: Sequence[Certificate]) -> Certificate | ChainFault:
    named = [one for one in issuers if one.subject.der == certificate.issuer.der and one.der != certificate.der]
    if not named:
        return ChainFault(Fault.UNKNOWN_ISSUER, certificate)
    authorities = [one for one in named if one.authority]
    return authorities[0] if authorities else ChainFault(Fault.NO_AUTHORITY, named[0])
