"""The verbs of the signer: the daemon asks for a signature, or for SKEYID (RFC 2409 §5) of a pre-shared key.

Private keys and pre-shared keys stay in the warden.
"""

from __future__ import annotations

from dataclasses import dataclass

from lotor.model.judgement import Failure, Feigned, PskRequest, Signature, SignedHash
from lotor.model.secret import Secret
from lotor.privsep.verb import Verb


@dataclass(frozen=True, slots=True)
class Signing:
    """A request for a signature. `remote`: the block whose private key signs. `made_of`: the values of phase 1 from
    which the warden computes the hash that is signed."""

    remote: str
    made_of: SignedHash


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
