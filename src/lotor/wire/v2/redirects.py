"""The notifications of REDIRECT: to which gateway, and from which one (RFC 5685 §8)."""

from __future__ import annotations

from contextlib import suppress
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TypeAlias

from lotor.model.frozen import frozen
from lotor.model.redirection import named
from lotor.wire.errors import Malformed
from lotor.wire.v2.chain import Chain
from lotor.wire.v2.numbers import NotifyType
from lotor.wire.v2.payloads import Notification

Elsewhere: TypeAlias = IPv4Address | IPv6Address | str
"""Another gateway: by its address, or by the name of its host."""


class Identity(IntEnum):
    """How a gateway is called (RFC 5685 §8.2)."""

    IPV4 = 1
    IPV6 = 2
    FQDN = 3


@frozen
class Redirect:
    """`nonce`: what the client sent in IKE_SA_INIT, empty in other exchanges."""

    gateway: Elsewhere
    nonce: bytes = b""

    def notification(self) -> Notification:
        return Notification(NotifyType.REDIRECT, _identity(self.gateway) + self.nonce)

    @classmethod
    def of(cls, chain: Chain) -> Redirect | None:
        """None where there is none. `Malformed`."""
        found = (each.data for each in chain.all(Notification) if each.type == NotifyType.REDIRECT)
        data = next(found, None)
        return None if data is None else cls(*_read(data))


def redirected_from(gateway: IPv4Address | IPv6Address) -> Notification:
    return Notification(NotifyType.REDIRECTED_FROM, _identity(gateway))


def origin(chain: Chain) -> Elsewhere | None:
    """The gateway that sent a client here, as the client says; None where none did, or that says nothing."""
    found = (each.data for each in chain.all(Notification) if each.type == NotifyType.REDIRECTED_FROM)
    data = next(found, None)
    try:
        return None if data is None else _read(data)[0]
    except Malformed:
        return None


def follows(chain: Chain) -> bool:
    """Whether a client goes where it is sent: one that was sent here does (RFC 5685 §3)."""
    numbers = {NotifyType.REDIRECT_SUPPORTED, NotifyType.REDIRECTED_FROM}
    return any(each.type in numbers for each in chain.all(Notification))


def _identity(gateway: Elsewhere) -> bytes:
    if isinstance(gateway, str):
        octets = gateway.encode("ascii")
        return bytes([Identity.FQDN, len(octets)]) + octets
    kind = Identity.IPV4 if gateway.version == 4 else Identity.IPV6
    return bytes([kind, len(gateway.packed)]) + gateway.packed


def _read(data: bytes) -> tuple[Elsewhere, bytes]:
    """Type, length, identity, and what follows."""
    if len(data) < 2 or len(data) < 2 + data[1]:
        raise Malformed("a redirect is cut off")
    kind, octets, rest = data[0], data[2 : 2 + data[1]], data[2 + data[1] :]
    if (kind, len(octets)) in {(Identity.IPV4, 4), (Identity.IPV6, 16)}:
        return ip_address(octets), rest
    if kind == Identity.FQDN:
        with suppress(ValueError):
            return named(octets.decode("latin-1")), rest
    raise Malformed(f"a redirect to nobody: type {kind}, {len(octets)} octets")
