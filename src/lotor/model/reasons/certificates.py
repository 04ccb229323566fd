"""Why a peer's certificate, its signature or the name in it was not believed: which one, and what to do about it."""

from __future__ import annotations

from typing import Literal

from lotor.model.kinds import Kind
from lotor.model.reason import Cause, Reason, Told

Role = Literal["gateway", "client"]
"""What the peer is to us."""


class CertificateReason(Reason):
    """Base. `subject` and `issuer` are names in certificates; times are `2026-01-01 00:00 UTC`."""

    cause = Cause.CERTIFICATE
    told = Told.PEER


# --- what was sent ---------------------------------------------------------------------------------------------------


class NoCertificate(CertificateReason):
    """The peer sent no certificate, and none is configured for it."""

    kind = Kind.CERTIFICATE_MISSING
    line = (
        "the peer sent no certificate, so nothing tells who it is: it needs certificate_type x509, or name its "
        'certificate here with peers_certfile x509 "FILE";'
    )


class Unreadable(CertificateReason):
    """The peer's certificate is no X.509 that can be read."""

    kind = Kind.CERTIFICATE_UNREADABLE
    line = "the peer sent a certificate that cannot be read: {detail}"
    detail: str


class UnusableKey(CertificateReason):
    """The key in the peer's certificate is one that nobody should compute with."""

    kind = Kind.CERTIFICATE_KEY_REFUSED
    line = "the peer sent a certificate with a key that is not computed with: {detail}"
    detail: str


class TooMany(CertificateReason):
    """The peer sent more certificates, or longer ones, than are looked at."""

    kind = Kind.CERTIFICATES_TOO_MANY
    line = "the peer sent {number} certificates of {octets} octets; more than {most} of {most_octets} are not looked at"
    number: int
    octets: int
    most: int
    most_octets: int


class NotChecked(CertificateReason):
    """The certificate could not be checked: this end is at fault."""

    kind = Kind.CERTIFICATE_NOT_CHECKED
    line = "the certificate could not be checked: {detail}"
    detail: str


class NoGrounds(CertificateReason):
    """The keys know no block of that name any more."""

    kind = Kind.CERTIFICATE_NO_REMOTE
    line = "there is no remote block named {remote} to judge the peer by"
    remote: str


# --- the key and the signature ---------------------------------------------------------------------------------------


class NotRsa(CertificateReason):
    """The exchange needs an RSA key, and the certificate has another one."""

    kind = Kind.CERTIFICATE_NOT_RSA
    line = (
        "certificate {subject} has no RSA key ({key}), and this exchange needs one: ask its administrator for an "
        "RSA one, or let both ends use authentication_method ecdsasig"
    )
    subject: str
    key: str


class NotEcdsa(CertificateReason):
    """The exchange needs an ECDSA key on this curve, and the certificate has another one."""

    kind = Kind.CERTIFICATE_NOT_ECDSA
    line = (
        "certificate {subject} has no ECDSA key on {curve} ({key}), and this exchange needs one: with "
        "authentication_method ecdsasig the certificates of both ends are of one curve"
    )
    subject: str
    curve: str
    key: str


class WeakKey(CertificateReason):
    """The RSA key in a certificate is too short."""

    kind = Kind.CERTIFICATE_WEAK_KEY
    line = (
        "certificate {subject} has an RSA key of {bits} bits, which is too weak: its administrator must make one "
        "of {least} bits or more"
    )
    subject: str
    bits: int
    least: int


class WeakExponent(CertificateReason):
    """The RSA key in a certificate has a small exponent."""

    kind = Kind.CERTIFICATE_WEAK_EXPONENT
    line = (
        "certificate {subject} has an RSA key with exponent {exponent}, which makes forging easier: its "
        "administrator must make one with exponent 65537"
    )
    subject: str
    exponent: int


class WrongSignature(CertificateReason):
    """The peer's signature of phase 1 does not fit its certificate."""

    kind = Kind.SIGNATURE_WRONG
    line = (
        "the peer's signature does not fit certificate {subject}: it does not hold the key of this certificate, "
        "or somebody changed the messages on the way"
    )
    subject: str


# --- what it may be used for -----------------------------------------------------------------------------------------


class AuthorityAsPeer(CertificateReason):
    """The peer proves itself with the certificate of an authority."""

    kind = Kind.CERTIFICATE_OF_AUTHORITY
    line = (
        "certificate {subject} is that of an authority, and no {role} proves itself with one: its administrator "
        'must issue a certificate for the {role}; to accept exactly this one add peers_certfile x509 "FILE";'
    )
    subject: str
    role: Role


class WrongUsageOfIssuer(CertificateReason):
    """The extended key usage of an authority does not allow what the peer is."""

    kind = Kind.CERTIFICATE_ISSUER_USAGE
    line = (
        "the {role}'s certificate was issued with that of {issuer}, whose extended key usage does not allow "
        "certificates of a {role}: another authority must issue it"
    )
    issuer: str
    role: Role


class WrongKeyUsage(CertificateReason):
    """The key usage of the certificate does not allow signatures."""

    kind = Kind.CERTIFICATE_KEY_USAGE
    line = (
        "certificate {subject} may not be used to sign (key usage lacks digitalSignature): its administrator "
        'must reissue it; to accept exactly this one add peers_certfile x509 "FILE";'
    )
    subject: str


class WrongUsage(CertificateReason):
    """The extended key usage of the certificate does not allow what the peer is."""

    kind = Kind.CERTIFICATE_USAGE
    line = (
        "certificate {subject} may not be used by a {role} (extended key usage lacks {lacks}): it is {instead}, "
        'or its administrator must reissue it; to accept exactly this one add peers_certfile x509 "FILE";'
    )
    subject: str
    role: Role

    @property
    def lacks(self) -> str:
        return "clientAuth" if self.role == "client" else "serverAuth"

    @property
    def instead(self) -> str:
        return "that of a server" if self.role == "client" else "somebody's user certificate"


# --- whose it is -----------------------------------------------------------------------------------------------------


class NotPinned(CertificateReason):
    """The certificate is not the one that the configuration names."""

    kind = Kind.CERTIFICATE_NOT_PINNED
    line = (
        "certificate {subject} (SHA-256 {fingerprint}) is not the one in {place}: if the {role} has a new "
        "certificate, get it from its administrator and put it there"
    )
    subject: str
    fingerprint: str
    place: str
    role: Role


class WrongName(CertificateReason):
    """The certificate does not name the gateway that the person meant."""

    kind = Kind.CERTIFICATE_OTHER_NAME
    line = (
        "certificate names {names}, not {meant}; if this is the right gateway add {accepting}'peers_certfile "
        'x509 "FILE";\' to the remote block'
    )
    names: str
    meant: str
    pattern: str

    @property
    def accepting(self) -> str:
        return f"'{self.pattern} verify_identifier on;' or " if self.pattern else ""


class WrongServer(CertificateReason):
    """The certificate of a server inside of EAP names neither the gateway nor, where it is there, `eap_server`."""

    kind = Kind.CERTIFICATE_OTHER_SERVER
    line = "its certificate names {names}, not {meant}"
    names: str
    meant: str


class WrongIdentity(CertificateReason):
    """The peer proves an identity that no peers_identifier allows."""

    kind = Kind.CERTIFICATE_IDENTITY_NOT_ALLOWED
    line = "the peer says it is {identity}, which no peers_identifier allows{accepting}"
    identity: str
    pattern: str
    role: Role

    @property
    def accepting(self) -> str:
        change = "change it to" if self.role == "gateway" else "add"
        return f"; if this is the right {self.role} {change} '{self.pattern}'" if self.pattern else ""


class UncertifiedGateway(CertificateReason):
    """The gateway claims an identity that its certificate does not have."""

    kind = Kind.IDENTITY_NOT_CERTIFIED_GATEWAY
    line = (
        "the peer says it is {identity}, but its certificate names {subject} and does not vouch for that; if "
        "this is the right gateway add 'peers_certfile x509 \"FILE\";' to the remote block"
    )
    identity: str
    subject: str


class UncertifiedClient(CertificateReason):
    """The client claims an identity that its certificate does not have."""

    kind = Kind.IDENTITY_NOT_CERTIFIED_CLIENT
    line = (
        "the client says it is {identity}, but its certificate {subject} does not vouch for that: let it call "
        "itself as its certificate does ('my_identifier asn1dn;' there), or accept whatever clients call "
        "themselves with 'verify_identifier off;'"
    )
    identity: str
    subject: str


class UncertifiedPerson(CertificateReason):
    """A certificate inside of EAP does not have the name that the client gives. `strange`: why a user principal name in
    it does not count, empty where none is wrong."""

    kind = Kind.IDENTITY_NOT_CERTIFIED_PERSON
    line = (
        "the client calls itself {said}, and its certificate {subject} is one of {names}{beside}: the name of the "
        "login has to be a user principal name or an address of mail in it, or its CN where it has neither"
    )
    said: str
    subject: str
    names: str
    strange: str

    @property
    def beside(self) -> str:
        return f" ({self.strange})" if self.strange else ""
