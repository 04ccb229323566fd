"""The sentences for refused certificates: each says what is wrong with which one, and what to do about it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal

from lotor.crypto.certificates import CURVE_WORDS, LEAST_RSA_BITS, Certificate, moment
from lotor.crypto.x509.chains import DEEPEST, Chain, ChainFault, Fault
from lotor.crypto.x509.received import MOST_OCTETS, MOST_RECEIVED
from lotor.crypto.x509.revocation import Revocation, RevocationList
from lotor.model.algorithms import Curve
from lotor.model.identity import Identity
from lotor.trust.hostnames import Meant, certified_names
from lotor.trust.identifiers import accepting_pattern, identity_text

NO_CERTIFICATE = (
    "the peer sent no certificate, so nothing tells who it is: "
    'it needs certificate_type x509, or name its certificate here with peers_certfile x509 "FILE";'
)
PIN = 'peers_certfile x509 "FILE";'

Role = Literal["gateway", "client"]
"""What the peer is to us."""


def fingerprint(certificate: Certificate) -> str:
    """SHA-256 over the DER, as openssl shows it, to be compared by telephone."""
    return hashlib.sha256(certificate.der).digest().hex(":").upper()


def unreadable(fault: str) -> str:
    return f"the peer sent a certificate that cannot be read: {fault}"


def unusable_key(fault: str) -> str:
    return f"the peer sent a certificate with a key that is not computed with: {fault}"


def too_many(chain: Sequence[bytes]) -> str:
    octets, most = sum(map(len, chain)), f"more than {MOST_RECEIVED} of {MOST_OCTETS} are not looked at"
    return f"the peer sent {len(chain)} certificates of {octets} octets; {most}"


def not_rsa(leaf: Certificate) -> str:
    return (
        f"certificate {leaf.subject} has no RSA key ({leaf.key_text}), and this exchange needs one: ask its "
        "administrator for an RSA one, or let both ends use authentication_method ecdsasig"
    )


def not_ecdsa(leaf: Certificate, curve: Curve) -> str:
    return (
        f"certificate {leaf.subject} has no ECDSA key on {CURVE_WORDS[curve]} ({leaf.key_text}), and this exchange "
        "needs one: with authentication_method ecdsasig the certificates of both ends are of one curve"
    )


def pinned_key(leaf: Certificate, file: object, *, ecdsa: bool) -> str:
    wanted = "ECDSA on P-256, P-384 or P-521" if ecdsa else "RSA"
    return (
        f"peers_certfile {file} has a key that this authentication_method does not take ({leaf.key_text}): it needs "
        f"one of {wanted}"
    )


def weak_key(leaf: Certificate) -> str:
    return (
        f"certificate {leaf.subject} has an RSA key of {leaf.key_bits} bits, which is too weak: "
        f"its administrator must make one of {LEAST_RSA_BITS} bits or more"
    )


def weak_exponent(leaf: Certificate) -> str:
    return (
        f"certificate {leaf.subject} has an RSA key with exponent {leaf.key_exponent}, which makes forging easier: "
        "its administrator must make one with exponent 65537"
    )


def bad_signature(leaf: Certificate) -> str:
    return (
        f"the peer's signature does not fit certificate {leaf.subject}: it does not hold the key of this certificate, "
        "or somebody changed the messages on the way"
    )


def authority_as_peer(leaf: Certificate, role: Role) -> str:
    return (
        f"certificate {leaf.subject} is that of an authority, and no {role} proves itself with one: its administrator "
        f"must issue a certificate for the {role}; to accept exactly this one add {PIN}"
    )


def wrong_usage_of_issuer(issuer: Certificate, role: Role) -> str:
    return (
        f"the {role}'s certificate was issued with that of {issuer.subject}, whose extended key usage does not allow "
        f"certificates of a {role}: another authority must issue it"
    )


def not_pinned(leaf: Certificate, place: object, role: Role) -> str:
    return (
        f"certificate {leaf.subject} (SHA-256 {fingerprint(leaf)}) is not the one in {place}: if the {role} has a new "
        "certificate, get it from its administrator and put it there"
    )


def wrong_key_usage(leaf: Certificate) -> str:
    return (
        f"certificate {leaf.subject} may not be used to sign (key usage lacks digitalSignature): its administrator "
        f"must reissue it; to accept exactly this one add {PIN}"
    )


def wrong_usage(leaf: Certificate, role: Role) -> str:
    if role == "client":
        return (
            f"certificate {leaf.subject} may not be used by a client (extended key usage lacks clientAuth): "
            f"it is that of a server, or its administrator must reissue it; to accept exactly this one add {PIN}"
        )
    return (
        f"certificate {leaf.subject} may not be used by a gateway (extended key usage lacks serverAuth): "
        f"it is somebody's user certificate, or its administrator must reissue it; to accept exactly this one add {PIN}"
    )


def wrong_name(chain: Chain, meant: Meant, identity: Identity) -> str:
    pattern = accepting_pattern(identity, chain.leaf)
    one = f"'{pattern} verify_identifier on;' or " if pattern else ""
    return (
        f"certificate names {certified_names(chain)}, not {meant}; if this is the right gateway add "
        f"{one}'{PIN}' to the remote block"
    )


def wrong_identity(leaf: Certificate, identity: Identity, role: Role) -> str:
    pattern = accepting_pattern(identity, leaf)
    change = "change it to" if role == "gateway" else "add"
    remedy = f"; if this is the right {role} {change} '{pattern}'" if pattern else ""
    return f"the peer says it is {identity_text(identity, leaf)}, which no peers_identifier allows{remedy}"


def uncertified_identity(leaf: Certificate, identity: Identity) -> str:
    return (
        f"the peer says it is {identity_text(identity, leaf)}, but its certificate names {leaf.subject} and does not "
        f"vouch for that; if this is the right gateway add '{PIN}' to the remote block"
    )


def uncertified_client(leaf: Certificate, identity: Identity) -> str:
    return (
        f"the client says it is {identity_text(identity, leaf)}, but its certificate {leaf.subject} does not vouch for "
        "that: let it call itself as its certificate does ('my_identifier asn1dn;' there), or accept whatever clients "
        "call themselves with 'verify_identifier off;'"
    )


def revoked(one: Certificate, revocation: Revocation) -> str:
    reason = f" ({REASON_WORDS.get(revocation.reason, revocation.reason)})" if revocation.reason else ""
    return (
        f"certificate {one.subject} was revoked by {one.issuer} on {moment(revocation.when)}{reason}: it must not be "
        "used any more, its holder needs a new one"
    )


def no_revocation_list(one: Certificate, places: str) -> str:
    return (
        f"there is no revocation list of {one.issuer} that could tell whether certificate {one.subject} was revoked, "
        f"and crl_policy require wants one: get it from the authority, in {places}"
    )


def stale_list(one: RevocationList, now: datetime) -> str:
    if one.until is not None and now > one.until:
        return f"the revocation list of {one.issuer} expired on {moment(one.until)}: get a new one from the authority"
    return (
        f"the revocation list of {one.issuer} is valid only from {moment(one.since)}, and this host's clock says "
        f"{moment(now)}: check the clock"
    )


def undecided(one: Certificate, why: str) -> str:
    return f"nobody can tell whether certificate {one.subject} was revoked, because {why}"


def broken_chain(
    found: ChainFault, anchors: tuple[Certificate, ...], place: str, now: datetime, role: Role = "gateway"
) -> str:
    """`place`: the files that the anchors came from."""
    if found.fault is Fault.UNKNOWN_ISSUER:
        return _unknown_issuer(found.certificate, anchors, place, role)
    if found.fault is Fault.EXPIRED or found.fault is Fault.NOT_YET_VALID:
        return _dates(found, now)
    return SENTENCES[found.fault](found, place)


def _dates(found: ChainFault, now: datetime) -> str:
    one = found.certificate
    if found.fault is Fault.EXPIRED:
        return f"certificate {one.subject} expired on {moment(one.not_after)}: its administrator must renew it"
    return (
        f"certificate {one.subject} is valid only from {moment(one.not_before)}, and this host's clock says "
        f"{moment(now)}: check the clock"
    )


def _unknown_issuer(one: Certificate, anchors: tuple[Certificate, ...], place: str, role: Role) -> str:
    trusted = ", ".join(str(anchor.subject) for anchor in anchors[:3]) or "nobody"
    more = f" and {len(anchors) - 3} more" if len(anchors) > 3 else ""
    source = f" of {place}" if place else ""
    return (
        f"certificate {one.subject} was issued by {one.issuer}, and only {trusted}{more}{source} is trusted: "
        f'if this is the right {role}, get the certificate of its authority and name it with ca_type x509 "FILE";'
    )


def _self_signed(found: ChainFault, _place: str) -> str:
    one = found.certificate
    return (
        f"certificate {one.subject} is self-signed, so no authority vouches for it; compare its SHA-256 "
        f"{fingerprint(one)} with its administrator, and if it is right add '{PIN}' to the remote block"
    )


def _forged(found: ChainFault, place: str) -> str:
    one = found.certificate
    return (
        f"certificate {one.subject} says it was issued by {one.issuer}, but the authority of that name in {place} did "
        "not sign it: it is another authority of the same name, or a forgery"
    )


def _no_authority(found: ChainFault, _place: str) -> str:
    return (
        f"the peer's certificate was issued with that of {found.certificate.subject}, which may not issue certificates "
        "(it is not a CA): somebody with an ordinary certificate made it"
    )


def _version_1(found: ChainFault, _place: str) -> str:
    return (
        f"certificate {found.certificate.subject} is of X.509 version 1, which does not say what it is good for: "
        "its administrator must reissue it as version 3 ('lotor pki gateway' or 'openssl ca' do)"
    )


def _weak_digest(found: ChainFault, _place: str) -> str:
    one = found.certificate
    return (
        f"certificate {one.subject} is signed with {one.digest}, which can be forged: it must be reissued with SHA-256"
    )


def _too_long(found: ChainFault, _place: str) -> str:
    return f"no chain of at most {DEEPEST} certificates leads from {found.certificate.subject} to a trusted authority"


def _other(found: ChainFault, place: str) -> str:
    return f"certificate {found.certificate.subject} does not lead to an authority of {place}: {found.detail}"


REASON_WORDS = {
    "keyCompromise": "its key was stolen",
    "cACompromise": "the key of its authority was stolen",
    "affiliationChanged": "its holder's name or affiliation changed",
    "superseded": "it was replaced",
    "cessationOfOperation": "it is not needed any more",
    "certificateHold": "it is on hold",
    "privilegeWithdrawn": "a right in it was withdrawn",
}

SENTENCES: dict[Fault, Callable[[ChainFault, str], str]] = {
    Fault.SELF_SIGNED: _self_signed,
    Fault.FORGED: _forged,
    Fault.NO_AUTHORITY: _no_authority,
    Fault.VERSION_1: _version_1,
    Fault.WEAK_KEY: lambda found, _place: weak_key(found.certificate),
    Fault.WEAK_DIGEST: _weak_digest,
    Fault.TOO_LONG: _too_long,
    Fault.OTHER: _other,
}
