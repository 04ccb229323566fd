"""Phase-1 identities (RFC 2407 §4.6.2): kinds, values, and whether one is what a `peers_identifier` says."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address, ip_address

from lotor.model.distinguished import means
from lotor.model.frozen import frozen


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


ADDRESS_SIZES = {IdKind.IPV4_ADDR: 4, IdKind.IPV6_ADDR: 16}
ADDRESS_KINDS = frozenset(ADDRESS_SIZES)
TEXT_KINDS = frozenset({IdKind.FQDN, IdKind.USER_FQDN})


@frozen
class Identity:
    """Value of an ID payload: `kind` may be a number that no one registered; `data` as sent."""

    kind: int
    data: bytes
    protocol: int = 0
    port: int = 0

    @property
    def address(self) -> IPv4Address | IPv6Address | None:
        """Of an address; None for another kind, and for octets that are none."""
        sized = self.kind in ADDRESS_KINDS and len(self.data) == ADDRESS_SIZES[IdKind(self.kind)]
        return ip_address(self.data) if sized else None


@frozen
class IdentityPattern:
    """One `peers_identifier`. `value` is the text of the configuration; None accepts any identity of the kind."""

    kind: IdKind
    value: str | None


def matches(pattern: IdentityPattern, identity: Identity, name: Iterable[tuple[str, str]] | None = None) -> bool:
    """Whether an identity is of a pattern's kind and value.

    `name`: the types and values of an identity that is a distinguished name; None where it could not be read, or is not
    to count.
    """
    if identity.kind in ADDRESS_KINDS and pattern.kind in ADDRESS_KINDS:
        return pattern.value is None or identity.address == parse_address(pattern.value) is not None
    if pattern.kind != identity.kind:
        return False
    return pattern.value is None or _same(pattern.value, identity, name)


def folded(text: str) -> str:
    """A host name or a mail address, without differences that do not count."""
    return text.lower().removesuffix(".")


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _same(value: str, identity: Identity, name: Iterable[tuple[str, str]] | None) -> bool:
    if identity.kind == IdKind.DER_ASN1_DN:
        return name is not None and _same_name(value, identity.data, name)
    if identity.kind == IdKind.KEY_ID:
        # a tag is UTF-8, the octets of a keyid file stand as Latin-1 text
        return identity.data in (value.encode(), _latin(value))
    return identity.kind in TEXT_KINDS and folded(value) == folded(identity.data.decode("latin-1"))


def _same_name(value: str, der: bytes, name: Iterable[tuple[str, str]]) -> bool:
    try:
        return means(value, der, name)
    except ValueError:  # a pattern that is no name
        return False


def _latin(value: str) -> bytes | None:
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return None
