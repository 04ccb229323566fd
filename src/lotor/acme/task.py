"""What the process that speaks with an authority is told by the command that starts it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Challenge(Enum):
    """How a host proves that names lead to it: RFC 8555 §8.3, RFC 8737."""

    HTTP = "http-01"
    TLS = "tls-alpn-01"


@dataclass(frozen=True, slots=True)
class Task:
    """`identity`: whom to become (`Identity.word`). `server`: the URL of the authority's directory; `root`: a file with
    who vouches for it, empty for those that this host trusts. `requests`: for each certificate a CSR in DER.
    `thumbprint` of the account's key (RFC 7638). `patience`: seconds for each step of a request to the authority,
    `seconds` for everything."""

    identity: str
    server: str
    root: str
    contacts: tuple[str, ...]
    names: tuple[str, ...]
    requests: tuple[bytes, ...]
    challenge: Challenge
    thumbprint: str
    patience: float
    seconds: float
