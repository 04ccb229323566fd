"""Proofs of who the ends are: what is asked of the keys about certificates and signatures, and what they answer."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from lotor.model.algorithms import Curve, Hash, SignatureScheme
from lotor.model.frozen import frozen
from lotor.model.identity import Identity
from lotor.model.own_certificate import OwnCertificate
from lotor.model.reason import Reason
from lotor.model.reasons.certificates import CertificateReason
from lotor.model.secret import Secret


@frozen
class PeerProof:
    """Everything needed to judge a signature of phase 1: who signed what, with which certificates, and who was meant.

    `chain` as received, leaf first, DER. `signed` is HASH_R or HASH_I, the octets under the signature (RFC 2409
    §5.1). `address` is that of the gateway that was dialled, or of the client; `host` the name the person typed, None
    when only an address was given. `client`: the signer is a client that a gateway judges; its certificate must fit
    the identity that it claims, there is no host that was meant. `curve`: the signature is one of ECDSA with a key on
    it, else of RSA. `scheme`: the signature is one of IKEv2, and `signed` is what InitiatorSignedOctets or
    ResponderSignedOctets are (RFC 7296 §2.15), which are hashed as the scheme says; None: one of IKEv1. `in_tls`: the
    peer has proved in TLS that it holds the key of the first certificate, and there is no signature to judge.
    `vouched`: what a gateway that had proved itself called the one to which it sent this client, which may show that
    name as well.
    """

    remote: str
    chain: tuple[bytes, ...]
    identity: Identity
    signed: bytes
    signature: bytes
    address: IPv4Address | IPv6Address
    host: str | None = None
    client: bool = False
    curve: Curve | None = None
    scheme: SignatureScheme | None = None
    in_tls: bool = False
    vouched: str = ""


@frozen
class PhaseOneHash:
    """The input of HASH_I or HASH_R of one end (RFC 2409 §5): `hash` keyed with `skeyid`, over that end's public value
    and the other's, that end's cookie and the other's, and the bodies of the SA and of that end's ID payload."""

    hash: Hash
    skeyid: Secret
    publics: tuple[bytes, bytes]
    cookies: tuple[bytes, bytes]
    sa_b: bytes
    id_b: bytes


@frozen
class SignedHash:
    """The input of the HASH_I or HASH_R that is signed, for a signer that trusts no caller: it computes SKEYID too,
    `prf` of `nonces` (Ni_b | Nr_b) and `g_xy` (RFC 2409 §5.1). `hash` is the negotiated one as `prf` is, or that of an
    ECDSA key's curve (RFC 4754 §4). The rest as in `PhaseOneHash`."""

    hash: Hash
    prf: Hash
    nonces: bytes
    g_xy: Secret
    publics: tuple[bytes, bytes]
    cookies: tuple[bytes, bytes]
    sa_b: bytes
    id_b: bytes


@frozen
class SignedOctets:
    """What AUTH of one end of IKEv2 is made over (RFC 7296 §2.15), in parts, for a signer that trusts no caller:
    `message` is that end's IKE_SA_INIT as sent, `nonce` the other end's, and the rest makes prf(SK_p, RestOfID).
    `intermediate`: IntAuth of IKE_INTERMEDIATE exchanges (RFC 9242 §3.3.2), empty without them."""

    message: bytes
    nonce: bytes
    prf: Hash
    sk_p: Secret
    id_b: bytes
    intermediate: bytes = b""


@frozen
class KeyedRequest:
    """The input of AUTH by a pre-shared key, prf(prf(key, "Key Pad for IKEv2"), octets) (RFC 7296 §2.15): whose key it
    is, and over what. A client asks for the key of the gateway that it dialled: `address`, and `host` where a person
    typed a name. A gateway asks for that of the client's `identity`. `client`: the octets are those of the client, so
    that a gateway judges with what comes."""

    remote: str
    identity: Identity | None
    address: IPv4Address | IPv6Address
    octets: SignedOctets
    host: str | None = None
    client: bool = False


@frozen
class PpkRequest:
    """The input of the keys of an IKE SA with a post-quantum pre-shared key in them (RFC 8784 §3): whose PPK it is, and
    `keys`, which are SK_d, SK_pi and SK_pr. A client asks for the PPK of the gateway that it dialled: `address`, and
    `host` where a person typed a name. A gateway asks for the one that is called `ppk_id`, for a client with this
    `identity`."""

    remote: str
    identity: Identity | None
    address: IPv4Address | IPv6Address
    prf: Hash
    keys: tuple[Secret, Secret, Secret]
    host: str | None = None
    ppk_id: bytes | None = None


@frozen
class MixedKeys:
    """SK_d, SK_pi and SK_pr with the PPK in them that is called `ppk_id`. The PPK itself stays where it is kept."""

    ppk_id: bytes
    keys: tuple[Secret, Secret, Secret]


@frozen
class PskRequest:
    """The input of SKEYID of a pre-shared key (RFC 2409 §5.4): whose key it is, and Ni_b | Nr_b. A client asks for the
    key of the gateway that it dialled: `address`, and `host` where a person typed a name. A gateway asks for that of
    the client's `address` or, in aggressive mode, of the `identity` that it claims. `aggressive`: a hash under the key
    travels in clear. `nobody`: no block admits the identity."""

    remote: str
    identity: Identity | None
    address: IPv4Address | IPv6Address
    hash: Hash
    nonces: bytes
    host: str | None = None
    aggressive: bool = False
    nobody: bool = False


@frozen
class Feigned:
    """SKEYID of a key that does not exist, so that a client cannot tell that its key is missing. `reason` is for this
    end only; None where the core knows a better one."""

    skeyid: Secret
    reason: Reason | None


@frozen
class Credential:
    """What the policy of a `remote` block needs to know of our certificate: the chain (DER, leaf first), the leaf's
    subject (DER), the curve of its key, None for RSA, and the names of the issuers of the chain (DER). Of several
    certificates that is the one of IKEv1. `authority_names`: subjects of the authorities that we trust (DER), and
    `authority_keys`: SHA-1 of their public keys, as IKEv2 names them. `own`: all of them, in the order of the file,
    for IKEv2."""

    chain: tuple[bytes, ...] = ()
    subject: bytes = b""
    authority_names: tuple[bytes, ...] = ()
    authority_keys: tuple[bytes, ...] = ()
    curve: Curve | None = None
    issuers: tuple[bytes, ...] = ()
    own: tuple[OwnCertificate, ...] = ()


@frozen
class Trusted:
    """`subject` is the name in the certificate, for people. `login`: of a client in TLS, the name that it claimed, as
    the certificate writes it."""

    subject: str
    login: str = ""


@frozen
class Untrusted:
    """Why a certificate was not trusted."""

    reason: CertificateReason


@frozen
class Signature:
    octets: bytes


@frozen
class Failure:
    """A port could not do what was asked: no key, no free address, no device."""

    reason: Reason
