"""The verbs: what a daemon may ask a warden for, declared once.

A verb says what is asked, what is answered, how many octets each may have and how many descriptors come with the
answer. What the warden looks at before it does what is asked stands with its engines: here are shapes only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from lotor.model.judgement import Failure, Feigned, PhaseOneHash, PskRequest, Signature
from lotor.model.secret import Secret
from lotor.privsep.codec import form_of
from lotor.privsep.frames import MOST_DESCRIPTORS, MOST_OCTETS

Request = TypeVar("Request")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Verb(Generic[Request, Answer]):
    """`request` and `answer` are annotations of types; the sizes are octets at most. `TypeError` for a type that has
    no form, `ValueError` for what no message carries."""

    number: int
    name: str
    request: Any
    answer: Any
    most_request: int
    most_answer: int
    descriptors: int = 0

    def __post_init__(self) -> None:
        form_of(self.request)
        form_of(self.answer)
        if max(self.most_request, self.most_answer) > MOST_OCTETS or self.descriptors > MOST_DESCRIPTORS:
            raise ValueError(f"no message is as long as one of {self.name} may be")


@dataclass(frozen=True, slots=True)
class Signing:
    """The hash of phase 1 to make, and the `remote` block whose key signs it."""

    remote: str
    made_of: PhaseOneHash


SIGN: Verb[Signing, Signature | Failure] = Verb(
    number=1,
    name="sign",
    request=Signing,
    answer=Signature | Failure,
    most_request=16_384,  # a list of proposals of 8 KiB, an identity of 1 KiB, two values of 1 KiB
    most_answer=8_192,  # an RSA signature of 2 KiB; a Failure quotes the name of a file
)
DERIVE_SKEYID: Verb[PskRequest, Secret | Feigned | Failure] = Verb(
    number=2,
    name="derive_skeyid",
    request=PskRequest,
    answer=Secret | Feigned | Failure,
    most_request=4_096,  # an identity of 1 KiB, two nonces of 256 octets, names of a block and of a host
    most_answer=8_192,
)

VERBS: dict[int, Verb[Any, Any]] = {verb.number: verb for verb in (SIGN, DERIVE_SKEYID)}
