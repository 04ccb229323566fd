"""The verbs by which the process that speaks with an authority (ACME) asks the command that started it: it has no
key."""

from __future__ import annotations

from dataclasses import field
from types import NoneType

from lotor.model.frozen import frozen
from lotor.model.secret import Secret
from lotor.privsep.verb import Verb

MOST_CHAIN = 49_152
"""Octets of a chain in PEM."""


@frozen
class Statement:
    """A request to the authority, of which the command makes a JWS (RFC 8555 §6.2). `payload` as it is signed, empty
    for POST-as-GET. `account` None: it is told by its public key, as long as the authority has not named it."""

    url: str
    nonce: str
    payload: bytes = field(repr=False)
    account: str | None = None


@frozen
class Showing:
    """What a host shows over TLS for a name (RFC 8737 §3). `digest`: SHA-256 of the key authorization."""

    name: str
    digest: bytes


@frozen
class Issued:
    """`number`: of the request. `chain` in PEM, leaf first."""

    number: int
    chain: bytes = field(repr=False)


@frozen
class Refusal:
    """Why there is none: what a person reads, what helps, and seconds until another attempt makes sense."""

    text: str
    fix: str
    after: float | None


SIGN_STATEMENT: Verb[Statement, bytes] = Verb(
    number=130,
    name="sign a request to an authority",
    request=Statement,
    answer=bytes,
    most_request=16_384,  # a CSR with 100 names, an URL, a nonce
    most_answer=24_576,
    most_asked=1,
)
SHOW_CHALLENGE: Verb[Showing, Secret] = Verb(
    number=131,
    name="make a certificate that proves a name",
    request=Showing,
    answer=Secret,
    most_request=512,
    most_answer=4_096,
    most_asked=1,
)
AGREE: Verb[str, bool] = Verb(
    number=132, name="agree to terms", request=str, answer=bool, most_request=2_100, most_answer=16, most_asked=1
)
ISSUED: Verb[Issued, None] = Verb(
    number=133,
    name="take a certificate",
    request=Issued,
    answer=NoneType,
    most_request=MOST_CHAIN + 64,
    most_answer=16,
    most_asked=1,
)
REFUSED_BY: Verb[Refusal, None] = Verb(
    number=134,
    name="tell why there is no certificate",
    request=Refusal,
    answer=NoneType,
    most_request=4_096,
    most_answer=16,
    most_asked=1,
)
