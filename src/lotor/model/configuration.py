"""What a gateway tells a client about its inner network: the values of ISAKMP mode config and of Cisco Unity."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Interface, IPv6Network, collapse_addresses

from lotor.model.frozen import frozen
from lotor.model.network import Address
from lotor.model.reason import Reason

EVERYTHING = IPv4Network("0.0.0.0/0")
EVERYTHING6 = IPv6Network("::/0")
LONGEST_BANNER = 61440
"""A banner is cut here: the payload that carries it must stay below 65536 octets with everything else in it."""


@frozen
class ModeConfiguration:
    """One client's configuration, the same value on the gateway that gives it and the client that gets it.

    Every client has an IPv4 address; `address6`, with its prefix, is there where the gateway gives one as well.
    `banner` and `domain` are octets as sent: they pass `model.text.clean` before a person sees them. `group`,
    `groups`, `unkept` and `informs` are a gateway's own and never sent: whose block of `mode_cfg` this is, the groups
    of the user that a `sainfo` names, what was granted and not given, and whether a DHCPINFORM is answered.
    """

    address: IPv4Address
    netmask: IPv4Address | None = None
    dns: tuple[IPv4Address, ...] = ()
    wins: tuple[IPv4Address, ...] = ()
    domain: bytes = b""
    banner: bytes = b""
    split_include: tuple[IPv4Network, ...] = ()
    split_local: tuple[IPv4Network, ...] = ()
    split_dns: tuple[bytes, ...] = ()
    pfs_group: int | None = None
    save_password: bool = False
    application_version: bytes = b""
    address6: IPv6Interface | None = None
    dns6: tuple[IPv6Address, ...] = ()
    split_include6: tuple[IPv6Network, ...] = ()
    group: str = ""
    groups: frozenset[str] = frozenset()
    unkept: tuple[Reason, ...] = ()
    informs: bool = False

    @property
    def addresses(self) -> tuple[Address, ...]:
        """The client's: that of IPv4, then that of IPv6 where there is one."""
        return (self.address, self.address6.ip) if self.address6 is not None else (self.address,)

    @property
    def inside(self) -> str:
        """The client's addresses, for a person."""
        return " and ".join(map(str, self.addresses))

    @property
    def is_full(self) -> bool:
        """Whether all IPv4 goes through the tunnel: no split networks, or split networks that make up everything."""
        return list(collapse_addresses(self.split_include)) in ([], [EVERYTHING])

    @property
    def is_full6(self) -> bool:
        """Whether all IPv6 goes through the tunnel, on its own account."""
        everything = list(collapse_addresses(self.split_include6)) in ([], [EVERYTHING6])
        return self.address6 is not None and everything

    def without_ipv6(self) -> ModeConfiguration:
        """The configuration for a client that has no IPv6 address, or did not ask for one."""
        return replace(self, address6=None, dns6=(), split_include6=())
