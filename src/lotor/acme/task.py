"""What the process that speaks with an authority is told by the command that starts it."""

from __future__ import annotations

import base64
import json
from enum import Enum

from lotor.model.frozen import frozen


class Challenge(Enum):
    """How a host proves that names lead to it: RFC 8555 §8.3, RFC 8737."""

    HTTP = "http-01"
    TLS = "tls-alpn-01"


@frozen
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

    @property
    def account(self) -> bytes:
        """What asks for the account."""
        return _told({"termsOfServiceAgreed": True, **({"contact": [*self.contacts]} if self.contacts else {})})

    @property
    def order(self) -> bytes:
        return _told({"identifiers": [{"type": "dns", "value": name} for name in self.names]})

    def statements(self) -> frozenset[bytes]:
        """All that has to be signed for it: nothing that gives the account away, revokes, or names another key."""
        return frozenset({LOOK, READY, self.account, self.order, *map(finish, self.requests)})


LOOK, READY = b"", b"{}"
"""What asks for what is there (POST-as-GET), and what says that a proof stands (RFC 8555 §6.3, §7.5.1)."""


def finish(request: bytes) -> bytes:
    """What hands the request of an order over."""
    return _told({"csr": base64.urlsafe_b64encode(request).rstrip(b"=").decode()})


def _told(fields: dict[str, object]) -> bytes:
    return json.dumps(fields).encode()
