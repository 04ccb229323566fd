"""The verbs by which the process of a one-time link asks the command that started it: it has no key and no terminal."""

from __future__ import annotations

from dataclasses import field
from enum import Enum
from types import NoneType

from lotor.model.frozen import frozen
from lotor.privsep.verb import Verb


class What(Enum):
    """What somebody did who has the link. REFUSED: it was used up, or belongs to another address."""

    LOOKED = "looked"
    FETCHED = "fetched"
    REFUSED = "refused"


@frozen
class Visit:
    """`device` is a word of `lotor profile --for`, or empty; `name` that of a file."""

    what: What
    address: str
    device: str
    name: str = ""


@frozen
class Handshake:
    """`scheme` by its number, `message`: what CertificateVerify signs (RFC 8446 §4.4.3)."""

    scheme: int
    message: bytes = field(repr=False)


SIGN_HANDSHAKE: Verb[Handshake, bytes | None] = Verb(
    number=120,
    name="sign a handshake of TLS",
    request=Handshake,
    answer=bytes | None,
    most_request=256,  # 64 blanks, a context, a hash
    most_answer=2_100,  # RSA of 16384 bits
    most_asked=64,  # as many as there are connections
)
VISITED: Verb[Visit, None] = Verb(
    number=121,
    name="tell who came for a profile",
    request=Visit,
    answer=NoneType,
    most_request=1_024,
    most_answer=16,
    most_asked=64,
)
