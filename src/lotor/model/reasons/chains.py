"""Why a chain of certificates leads to no authority that is trusted, or was revoked on its way there."""

from __future__ import annotations

from lotor.model.kinds import Kind
from lotor.model.reasons.certificates import CertificateReason, Role


class SelfSigned(CertificateReason):
    """The certificate is signed by itself."""

    kind = Kind.CERTIFICATE_SELF_SIGNED
    line = (
        "certificate {subject} is self-signed, so no authority vouches for it; compare its SHA-256 {fingerprint} "
        "with its administrator, and if it is right add 'peers_certfile x509 \"FILE\";' to the remote block"
    )
    subject: str
    fingerprint: str


class UnknownAuthority(CertificateReason):
    """An authority issued the certificate that this end does not know."""

    kind = Kind.CERTIFICATE_NOT_TRUSTED
    line = (
        "certificate {subject} was issued by {issuer}, and only {trusted}{of_place} is trusted: if this is the "
        'right {role}, get the certificate of its authority and name it with ca_type x509 "FILE";'
    )
    subject: str
    issuer: str
    trusted: str
    place: str
    role: Role

    @property
    def of_place(self) -> str:
        return f" of {self.place}" if self.place else ""


class Expired(CertificateReason):
    """A certificate is over its date."""

    kind = Kind.CERTIFICATE_EXPIRED
    line = "certificate {subject} expired on {when}: its administrator must renew it"
    subject: str
    when: str


class NotYetValid(CertificateReason):
    """A certificate begins later than this host's clock says."""

    kind = Kind.CERTIFICATE_NOT_YET_VALID
    line = "certificate {subject} is valid only from {begins}, and this host's clock says {now}: check the clock"
    subject: str
    begins: str
    now: str


class Forged(CertificateReason):
    """A certificate names an authority of ours that did not sign it."""

    kind = Kind.CERTIFICATE_FORGED
    line = (
        "certificate {subject} says it was issued by {issuer}, but the authority of that name in {place} did not "
        "sign it: it is another authority of the same name, or a forgery"
    )
    subject: str
    issuer: str
    place: str


class NoAuthority(CertificateReason):
    """The certificate was issued with one that may not issue any."""

    kind = Kind.CERTIFICATE_ISSUER_NO_AUTHORITY
    line = (
        "the peer's certificate was issued with that of {issuer}, which may not issue certificates (it is not a "
        "CA): somebody with an ordinary certificate made it"
    )
    issuer: str


class Version1(CertificateReason):
    """A certificate is of the first version of X.509."""

    kind = Kind.CERTIFICATE_VERSION_1
    line = (
        "certificate {subject} is of X.509 version 1, which does not say what it is good for: its administrator "
        "must reissue it as version 3 ('lotor pki gateway' or 'openssl ca' do)"
    )
    subject: str


class WeakDigest(CertificateReason):
    """A certificate is signed over a broken hash."""

    kind = Kind.CERTIFICATE_WEAK_DIGEST
    line = "certificate {subject} is signed with {digest}, which can be forged: it must be reissued with SHA-256"
    subject: str
    digest: str


class TooLong(CertificateReason):
    """Too many authorities stand between the certificate and one of ours."""

    kind = Kind.CERTIFICATE_CHAIN_TOO_LONG
    line = "no chain of at most {most} certificates leads from {subject} to a trusted authority"
    subject: str
    most: int


class Broken(CertificateReason):
    """The certificate does not lead to an authority of ours; `detail` is the library's word."""

    kind = Kind.CERTIFICATE_CHAIN_BROKEN
    line = "certificate {subject} does not lead to an authority of {place}: {detail}"
    subject: str
    place: str
    detail: str


# --- revocation ------------------------------------------------------------------------------------------------------


class Revoked(CertificateReason):
    """The authority revoked the certificate."""

    kind = Kind.CERTIFICATE_REVOKED
    line = (
        "certificate {subject} was revoked by {issuer} on {when}{because}: it must not be used any more, its "
        "holder needs a new one"
    )
    subject: str
    issuer: str
    when: str
    why: str

    @property
    def because(self) -> str:
        return f" ({self.why})" if self.why else ""


class NoRevocationList(CertificateReason):
    """`crl_policy require` wants a revocation list, and there is none of this authority."""

    kind = Kind.REVOCATION_LIST_MISSING
    line = (
        "there is no revocation list of {issuer} that could tell whether certificate {subject} was revoked, and "
        "crl_policy require wants one: get it from the authority, in {places}"
    )
    subject: str
    issuer: str
    places: str


EXPIRED_LIST = "the revocation list of {issuer} expired on {when}: get a new one from the authority"
EARLY_LIST = (
    "the revocation list of {issuer} is valid only from {begins}, and this host's clock says {now}: check the clock"
)
UNDECIDED = "nobody can tell whether certificate {subject} was revoked, because "


class ListExpired(CertificateReason):
    """The revocation list is over its date, so that it does not tell who was not revoked."""

    kind = Kind.REVOCATION_LIST_EXPIRED
    line = UNDECIDED + EXPIRED_LIST
    subject: str
    issuer: str
    when: str


class ListNotYetValid(CertificateReason):
    """The revocation list begins later than this host's clock says."""

    kind = Kind.REVOCATION_LIST_NOT_YET_VALID
    line = UNDECIDED + EARLY_LIST
    subject: str
    issuer: str
    begins: str
    now: str
