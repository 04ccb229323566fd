"""What a back end gives a person beside its yes; whatever is missing is as the configuration says."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network


@dataclass(frozen=True, slots=True)
class Grants:
    """As RADIUS has them (RFC 2865): `address` is Framed-IP-Address, `netmask` Framed-IP-Netmask, `routes` the networks
    behind the tunnel. `session_time` is Session-Timeout in seconds from the login on, after which the session ends.
    `accounting_class` is Class, which accounting gets back unread. `groups` are told to scripts and to accounting; no
    rule of this gateway asks for them yet."""

    address: IPv4Address | None = None
    netmask: IPv4Address | None = None
    routes: tuple[IPv4Network, ...] = ()
    session_time: float | None = None
    groups: frozenset[str] = frozenset()
    accounting_class: bytes = b""


NO_GRANTS = Grants()
