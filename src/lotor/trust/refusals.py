"""Refused certificates as reasons: which facts of which certificate each of them tells."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime

from lotor.crypto.certificates import CURVE_WORDS, LEAST_RSA_BITS, Certificate, moment
from lotor.crypto.persons import persons
from lotor.crypto.x509.chains import DEEPEST, Chain, ChainFault, Fault
from lotor.crypto.x509.received import MOST_OCTETS, MOST_RECEIVED
from lotor.crypto.x509.revocation import Revocation, RevocationList
from lotor.model.algorithms import Curve
from lotor.model.identity import Identity
from lotor.model.reasons import certificates, chains
from lotor.model.reasons.certificates import CertificateReason, Role
from lotor.model.text import clean
from lotor.trust.hostnames import Meant, certified_names
from lotor.trust.identifiers import accepting_pattern, identity_text

LONGEST_SAID = 253


def fingerprint(certificate: Certificate) -> str:
    """SHA-256 over the DER, as openssl shows it, to be compared by telephone."""
    return hashlib.sha256(certificate.der).digest().hex(":").upper()


def too_many(chain: Sequence[bytes]) -> CertificateReason:
    return certificates.TooMany(len(chain), sum(map(len, chain)), MOST_RECEIVED, MOST_OCTETS)


def not_rsa(leaf: Certificate) -> CertificateReason:
    return certificates.NotRsa(str(leaf.subject), leaf.key_text)


def not_ecdsa(leaf: Certificate, curve: Curve) -> CertificateReason:
    return certificates.NotEcdsa(str(leaf.subject), CURVE_WORDS[curve], leaf.key_text)


def strange_key(leaf: Certificate) -> CertificateReason:
    return certificates.UnusableKey(f"{leaf.subject} has one that is {leaf.key_text}")


def weak_key(leaf: Certificate) -> CertificateReason:
    return certificates.WeakKey(str(leaf.subject), leaf.key_bits, LEAST_RSA_BITS)


def weak_exponent(leaf: Certificate) -> CertificateReason:
    return certificates.WeakExponent(str(leaf.subject), leaf.key_exponent)


def bad_signature(leaf: Certificate) -> CertificateReason:
    return certificates.WrongSignature(str(leaf.subject))


def authority_as_peer(leaf: Certificate, role: Role) -> CertificateReason:
    return certificates.AuthorityAsPeer(str(leaf.subject), role)


def wrong_usage_of_issuer(issuer: Certificate, role: Role) -> CertificateReason:
    return certificates.WrongUsageOfIssuer(str(issuer.subject), role)


def not_pinned(leaf: Certificate, place: object, role: Role) -> CertificateReason:
    return certificates.NotPinned(str(leaf.subject), fingerprint(leaf), str(place), role)


def wrong_key_usage(leaf: Certificate) -> CertificateReason:
    return certificates.WrongKeyUsage(str(leaf.subject))


def wrong_usage(leaf: Certificate, role: Role) -> CertificateReason:
    return certificates.WrongUsage(str(leaf.subject), role)


def wrong_name(chain: Chain, meant: Meant, identity: Identity) -> CertificateReason:
    return certificates.WrongName(certified_names(chain), str(meant), accepting_pattern(identity, chain.leaf) or "")


def wrong_server(chain: Chain, meant: Meant) -> CertificateReason:
    return certificates.WrongServer(certified_names(chain), str(meant))


def wrong_identity(leaf: Certificate, identity: Identity, role: Role) -> CertificateReason:
    return certificates.WrongIdentity(identity_text(identity, leaf), accepting_pattern(identity, leaf) or "", role)


def uncertified_identity(leaf: Certificate, identity: Identity) -> CertificateReason:
    return certificates.UncertifiedGateway(identity_text(identity, leaf), str(leaf.subject))


def uncertified_client(leaf: Certificate, identity: Identity) -> CertificateReason:
    return certificates.UncertifiedClient(identity_text(identity, leaf), str(leaf.subject))


def uncertified_person(chain: Chain, identity: Identity, *, constrained: bool) -> CertificateReason:
    leaf = chain.leaf
    names = ", ".join(persons(leaf, by_subject=not constrained)) or "nobody"
    strange = (
        f"its user principal name does not count, for {leaf.strange_principals}" if leaf.strange_principals else ""
    )
    if constrained and leaf.principals:
        strange = "its user principal name does not count, for an authority of it has constraints"
    said = clean(identity.data, longest=LONGEST_SAID)
    return certificates.UncertifiedPerson(said, str(leaf.subject), names, strange)


# --- revocation ------------------------------------------------------------------------------------------------------


def revoked(one: Certificate, revocation: Revocation) -> CertificateReason:
    why = REASON_WORDS.get(revocation.reason, revocation.reason) if revocation.reason else ""
    return chains.Revoked(str(one.subject), str(one.issuer), moment(revocation.when), why)


def no_revocation_list(one: Certificate, places: str) -> CertificateReason:
    return chains.NoRevocationList(str(one.subject), str(one.issuer), places)


def undecided(one: Certificate, stale: RevocationList, now: datetime) -> CertificateReason:
    """Whether it was revoked: the list is out of date."""
    subject, issuer = str(one.subject), str(stale.issuer)
    if stale.until is not None and now > stale.until:
        return chains.ListExpired(subject, issuer, moment(stale.until))
    return chains.ListNotYetValid(subject, issuer, moment(stale.since), moment(now))


def stale_list(one: RevocationList, now: datetime) -> str:
    """For the journal, when the keys are loaded."""
    if one.until is not None and now > one.until:
        return chains.EXPIRED_LIST.format(issuer=one.issuer, when=moment(one.until))
    return chains.EARLY_LIST.format(issuer=one.issuer, begins=moment(one.since), now=moment(now))


# --- chains ----------------------------------------------------------------------------------------------------------


def broken_chain(
    found: ChainFault, anchors: tuple[Certificate, ...], place: str, now: datetime, role: Role = "gateway"
) -> CertificateReason:
    """`place`: the files that the anchors came from."""
    if found.fault is Fault.UNKNOWN_ISSUER:
        return _unknown_issuer(found.certificate, anchors, place, role)
    if found.fault is Fault.NOT_YET_VALID:
        one = found.certificate
        return chains.NotYetValid(str(one.subject), moment(one.not_before), moment(now))
    return _REASONS[found.fault](found, place)


def _unknown_issuer(one: Certificate, anchors: tuple[Certificate, ...], place: str, role: Role) -> CertificateReason:
    trusted = ", ".join(str(anchor.subject) for anchor in anchors[:3]) or "nobody"
    more = f" and {len(anchors) - 3} more" if len(anchors) > 3 else ""
    return chains.UnknownAuthority(str(one.subject), str(one.issuer), trusted + more, place, role)


def _expired(found: ChainFault, _place: str) -> CertificateReason:
    return chains.Expired(str(found.certificate.subject), moment(found.certificate.not_after))


def _self_signed(found: ChainFault, _place: str) -> CertificateReason:
    return chains.SelfSigned(str(found.certificate.subject), fingerprint(found.certificate))


def _forged(found: ChainFault, place: str) -> CertificateReason:
    return chains.Forged(str(found.certificate.subject), str(found.certificate.issuer), place)


def _weak_digest(found: ChainFault, _place: str) -> CertificateReason:
    return chains.WeakDigest(str(found.certificate.subject), str(found.certificate.digest))


def _other(found: ChainFault, place: str) -> CertificateReason:
    return chains.Broken(str(found.certificate.subject), place, found.detail)


REASON_WORDS = {
    "keyCompromise": "its key was stolen",
    "cACompromise": "the key of its authority was stolen",
    "affiliationChanged": "its holder's name or affiliation changed",
    "superseded": "it was replaced",
    "cessationOfOperation": "it is not needed any more",
    "certificateHold": "it is on hold",
    "privilegeWithdrawn": "a right in it was withdrawn",
}

_REASONS: dict[Fault, Callable[[ChainFault, str], CertificateReason]] = {
    Fault.EXPIRED: _expired,
    Fault.SELF_SIGNED: _self_signed,
    Fault.FORGED: _forged,
    Fault.NO_AUTHORITY: lambda found, _place: chains.NoAuthority(str(found.certificate.subject)),
    Fault.VERSION_1: lambda found, _place: chains.Version1(str(found.certificate.subject)),
    Fault.WEAK_KEY: lambda found, _place: weak_key(found.certificate),
    Fault.WEAK_DIGEST: _weak_digest,
    Fault.TOO_LONG: lambda found, _place: chains.TooLong(str(found.certificate.subject), DEEPEST),
    Fault.OTHER: _other,
}

# --- our own, for the administrator ----------------------------------------------------------------------------------


def pinned_key(leaf: Certificate, file: object, *, ecdsa: bool) -> str:
    wanted = "ECDSA on P-256, P-384 or P-521" if ecdsa else "RSA"
    return (
        f"peers_certfile {file} has a key that this authentication_method does not take ({leaf.key_text}): it needs "
        f"one of {wanted}"
    )
