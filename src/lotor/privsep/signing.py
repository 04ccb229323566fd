"""The verbs of the signer: the daemon asks for a signature, of IKE or of TLS inside of EAP, or for what a pre-shared
key makes: SKEYID (RFC 2409 §5) or AUTH (RFC 7296 §2.15), or for keys with a PPK in them (RFC 8784 §3).

Private keys, pre-shared keys and PPKs stay in the warden.
"""

from __future__ import annotations

from lotor.model.algorithms import SignatureScheme
from lotor.model.frozen import frozen
from lotor.model.judgement import (
    Failure,
    Feigned,
    KeyedRequest,
    MixedKeys,
    PpkRequest,
    PskRequest,
    Signature,
    SignedHash,
    SignedOctets,
)
from lotor.model.secret import Secret
from lotor.privsep.verb import Verb


@frozen
class Signing:
    """A request for a signature. `remote`: the block whose private key signs. `made_of`: the values of phase 1 from
    which the warden computes the hash that is signed."""

    remote: str
    made_of: SignedHash


@frozen
class AuthSigning:
    """The same of IKEv2. `made_of`: the parts of which the warden puts the signed octets together."""

    remote: str
    made_of: SignedOctets
    scheme: SignatureScheme


@frozen
class TlsSigning:
    """The same of a method of EAP on TLS. `message`: what an end of TLS signs, which the warden tells by its form."""

    remote: str
    message: bytes
    scheme: SignatureScheme


SIGN: Verb[Signing, Signature | Failure] = Verb(
    number=1,
    name="sign",
    request=Signing,
    answer=Signature | Failure,
    most_request=16_384,  # a list of proposals of 8 KiB, an identity of 1 KiB, two values of 1 KiB
    most_answer=8_192,  # an RSA signature of 2 KiB; a Failure quotes the name of a file
)
SAVED_PASSWORD: Verb[str, Secret | None] = Verb(
    number=3,
    name="saved_password",
    request=str,
    answer=Secret | None,
    most_request=2_048,  # the name of a block has 1 KiB at most
    most_answer=8_192,  # a line of psk.txt
)
DERIVE_SKEYID: Verb[PskRequest, Secret | Feigned | Failure] = Verb(
    number=2,
    name="derive_skeyid",
    request=PskRequest,
    answer=Secret | Feigned | Failure,
    most_request=4_096,  # an identity of 1 KiB, two nonces of 256 octets, names of a block and of a host
    most_answer=8_192,
)
SIGN_AUTH: Verb[AuthSigning, Signature | Failure] = Verb(
    number=4,
    name="sign_auth",
    request=AuthSigning,
    answer=Signature | Failure,
    most_request=20_480,  # a message of 16 KiB, an identity and a name of 1 KiB each
    most_answer=8_192,
)
KEYED_AUTH: Verb[KeyedRequest, Secret | Failure] = Verb(
    number=5,
    name="keyed_auth",
    request=KeyedRequest,
    answer=Secret | Failure,
    most_request=24_576,  # a message of 16 KiB, the identity twice, names of a block and of a host
    most_answer=8_192,
)
MIX_PPK: Verb[PpkRequest, MixedKeys | Failure] = Verb(
    number=6,
    name="mix_ppk",
    request=PpkRequest,
    answer=MixedKeys | Failure,
    most_request=4_096,  # an identity, names of a block and of a host of 1 KiB each, three keys, the name of a PPK
    most_answer=8_192,
)
SIGN_TLS: Verb[TlsSigning, Signature | Failure] = Verb(
    number=7,
    name="sign_tls",
    request=TlsSigning,
    answer=Signature | Failure,
    most_request=28_672,  # the messages of a handshake, of 24 KiB, and a name of 1 KiB
    most_answer=8_192,
)
