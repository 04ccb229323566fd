"""Rows of the table of remote: who the two ends are, and what proves it."""

from __future__ import annotations

from lotor.config.arguments import File, Flag, Several, Text
from lotor.config.choices import SWITCH, Case, Cases, Choice, Keyword
from lotor.config.directive import Directive, Use
from lotor.config.settings import CertificateFiles, IdentifierSetting
from lotor.config.tables.identifiers import identifier
from lotor.config.tables.path import on_off
from lotor.model.identity import IdKind
from lotor.model.policy import CrlPolicy

MOST_CERTIFICATES = 8
"""In one block: there are three kinds of keys, and files may say something twice."""
BARE_KEY = (
    "a bare key has no name, no end and no revocation; make certificates for both ends with lotor pki, and name yours "
    "with certificate_type x509"
)
BARE_PEER = "a bare key has no name, no end and no revocation; name the peer's certificate with peers_certfile x509"
DNSSEC = (
    "CERT records of the name service have gone out of use; name the peer's certificate with peers_certfile x509, or "
    "its authority with ca_type x509"
)
KEYCHAIN = "keys are read from files; export certificate and key, and name both"
_SHORT_KEYS = Directive(
    "allow_short_key",
    Keyword(
        (
            Choice("on", value=True, weak="whoever records one connection can guess a short key at home"),
            Choice("off", value=False),
        )
    ),
    "In aggressive mode: also use pre-shared keys of less than 16 octets. The gateway's answer has a hash under the "
    "key, and any stranger can ask for one.",
    default=False,
    default_text="off",
    use=Use.EXTENSION,
)

IDENTITY = (
    Directive(
        "my_identifier",
        identifier("the address that IKE uses", "the subject of the own certificate"),
        "Who this end says it is. Over IKEv2 asn1dn without a name, and address without one, mean a name of the own "
        "certificate, the one that the peer asks for if there are several.",
        default=IdentifierSetting(IdKind.IPV4_ADDR),
        default_text="address",
    ),
    Directive(
        "peers_identifier",
        identifier("any address", "any name"),
        "Who the peer may say it is. With a shared key it is compared with `verify_identifier on` only; a client also "
        "looks the key up by it. A name of asn1dn is written C=XX, O=Lab, CN=vpn or /C=XX/O=Lab/CN=vpn, in this or the "
        "reverse order; a type may be numbers (2.5.4.3=vpn), and any value may be *.",
        default=(),
        default_text="anyone",
        field="peers_identifiers",
        repeatable=True,
        differs="the client compares it too, as soon as verify_identifier is on.",
    ),
    Directive(
        "verify_identifier",
        SWITCH,
        "on: the peer must be one of peers_identifier, whatever it proves itself by, and a certificate must say so. "
        "off: any certificate of the authority will do.",
        default_text="a gateway's certificate must name the gateway that the client meant to reach, a client's the "
        "identity that the client claims",
        differs="racoon's default is off: there every certificate of the authority can stand in for the gateway.",
    ),
    Directive(
        "certificate_type",
        Cases(
            (
                Case(
                    "x509",
                    Cases(
                        (Case("in_keychain", Text("a name in quotes"), lambda _: None, refused=KEYCHAIN),),
                        Several((File("certificate", "certificate"), File("certificate", "key")), CertificateFiles),
                    ),
                    lambda files: files,
                    "PEM files; the certificate may be followed by its chain",
                ),
                Case(
                    "pkcs12",
                    File("certificate", "bundle"),
                    lambda file: CertificateFiles(file, file),
                    "one file with the certificate, its chain and the private key (lotor only)",
                ),
                Case("plain_rsa", File("certificate", "key"), lambda _: None, refused=BARE_KEY),
            )
        ),
        "The own certificate and its private key. One of RSA and one of ECDSA may stand side by side: over IKEv2 each "
        "client is shown the one that it can judge, and the first of the file where it can judge both; IKEv1 takes the "
        "one that goes with its authentication_method. Of two with the same kind of key the last counts.",
        default=(),
        default_text="none",
        field="certificates",
        repeatable=True,
        most=MOST_CERTIFICATES,
        differs="the chain in the certificate's file is sent; racoon sends the first certificate only, and knows one "
        "of them.",
    ),
    Directive(
        "passphrase_file",
        File("certificate"),
        "The passphrase of an encrypted private key: the first line of a file that nobody else may read.",
        default_text="none",
        use=Use.EXTENSION,
    ),
    Directive(
        "crl",
        File("certificate", "list"),
        "A file of revoked certificates (PEM or DER), beside those that end in .crl or .r0 in the directory of path "
        "certificate. A changed file counts at once.",
        default=(),
        default_text="none",
        repeatable=True,
        use=Use.EXTENSION,
    ),
    Directive(
        "crl_policy",
        Keyword(
            (
                Choice(
                    "require", CrlPolicy.REQUIRE, "every authority of the chain must have a list, and a current one"
                ),
                Choice("check", CrlPolicy.CHECK, "a list that is there must be current; a missing one does no harm"),
                Choice("off", CrlPolicy.OFF, "no list is looked at"),
            )
        ),
        "Whether lists of revoked certificates must be there.",
        default=CrlPolicy.CHECK,
        default_text="check",
        use=Use.EXTENSION,
    ),
    Directive(
        "ca_type",
        Cases((Case("x509", File("certificate", "ca"), lambda file: file, "a PEM file"),)),
        "The authority whose certificates are trusted.",
        default_text="the authorities in the directory of path certificate",
        field="ca",
        differs="when it is written nothing else is trusted; racoon always trusts the directory too.",
    ),
    Directive(
        "peers_certfile",
        Cases(
            (
                Case("x509", File("certificate"), lambda file: file, "the peer's certificate, a PEM file"),
                Case("plain_rsa", File("certificate", "key"), lambda _: None, refused=BARE_PEER),
                Case("dnssec", Flag(), lambda _: None, refused=DNSSEC),
            ),
            File("certificate"),
        ),
        "The peer must show exactly this certificate.",
        default_text="none",
    ),
    Directive(
        "verify_cert",
        Keyword(
            (
                Choice("on", value=True),
                Choice(
                    "off",
                    value=False,
                    weak="anybody can pose as the gateway and collect passwords; to trust just one certificate use "
                    "peers_certfile",
                ),
            )
        ),
        "Check the chain and the dates of the peer's certificate, and the name in it.",
        default=True,
        default_text="on",
    ),
    on_off(default=True, name="send_cert", meaning="Send the own certificate."),
    on_off(
        default=True,
        name="send_cr",
        meaning="Ask the peer for its certificate, of one of the authorities that this end trusts where those are few.",
    ),
    on_off(
        default=False,
        name="match_empty_cr",
        meaning="On a gateway with several matching blocks, use this one for clients whose certificate request names "
        "no authority. A client that names an authority gets the block whose certificate that authority issued.",
        differs="a request that fits no block still gets an answer, from the first one; racoon's manual gives on "
        "as the default, its code off.",
    ),
    _SHORT_KEYS,
)
