"""Phase-1 identities (RFC 2407 §4.6.2): kinds, values, and what a configuration says of its own and the peer's."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class IdKind(IntEnum):
    IPV4_ADDR = 1
    FQDN = 2
    USER_FQDN = 3
    IPV4_ADDR_SUBNET = 4
    IPV6_ADDR = 5
    IPV6_ADDR_SUBNET = 6
    IPV4_ADDR_RANGE = 7
    IPV6_ADDR_RANGE = 8
    DER_ASN1_DN = 9
    DER_ASN1_GN = 10
    KEY_ID = 11


@dataclass(frozen=True, slots=True)
class Identity:
    """Value of an ID payload: `kind` may be a number that no one registered; `data` as sent."""

    kind: int
    data: bytes
    protocol: int = 0
    port: int = 0


@dataclass(frozen=True, slots=True)
class IdentityPattern:
    """One `peers_identifier`. `value` is the text of the configuration; None accepts any identity of the kind."""

    kind: IdKind
    value: str | None
