"""TLS inside of EAP: which connection the core wants, and what came of a step of one. Whoever holds the connections
stands behind the core's question."""

from __future__ import annotations

from dataclasses import field
from enum import Enum

from lotor.model.algorithms import SignatureScheme
from lotor.model.frozen import frozen
from lotor.model.policy import Side
from lotor.model.secret import Secret

NOTHING = Secret(b"")
TTLS_CHALLENGE = 17
"""Octets of what both ends of TTLS make a challenge and an identifier of MSCHAPv2 of (RFC 5281 §11.1)."""


class TlsMethod(Enum):
    """Methods of EAP that are TLS: the number, and with TLS 1.2 the label of their keys (RFC 5216, RFC 5281,
    draft-kamath-pppext-peapv0)."""

    TLS = 13, b"client EAP encryption"
    TTLS = 21, b"ttls keying material"
    PEAP = 25, b"client EAP encryption"

    @property
    def number(self) -> int:
        return self.value[0]

    @property
    def label(self) -> bytes:
        return self.value[1]


@frozen
class TlsTerms:
    """How a connection begins. `chain`: our certificates, leaf first, DER; `scheme`: the usual one of their key, by
    which `remote` signs. Of a client both may be missing. `asks`: a server wants a certificate of the client. `host`:
    a client's word for the server, a name or an address."""

    method: TlsMethod
    side: Side
    remote: str
    chain: tuple[bytes, ...] = ()
    scheme: SignatureScheme | None = None
    asks: bool = False
    host: str = ""


@frozen
class TlsProgress:
    """What came of a step. `out` is to be sent to the peer, `inside` came within the tunnel, `stands`: the handshake is
    done. From then on there are `msk` (64 octets), `challenge` (17 octets for the MSCHAPv2 of TTLS), the peer's `chain`
    as it was shown (leaf first, DER; nobody has judged it yet) and `newer`: it is TLS 1.3. `fault`: why nothing more
    can come of it; `out` is to be sent all the same."""

    out: bytes = field(default=b"", repr=False)
    inside: Secret = field(default_factory=lambda: NOTHING)
    stands: bool = False
    msk: Secret = field(default_factory=lambda: NOTHING)
    challenge: Secret = field(default_factory=lambda: NOTHING)
    chain: tuple[bytes, ...] = field(default=(), repr=False)
    newer: bool = False
    fault: str = ""
