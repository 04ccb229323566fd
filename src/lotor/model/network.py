"""Where datagrams come from and go to: addresses with ports, the path between two of them, and networks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from lotor.model.frozen import frozen

Instant = float
"""Seconds on a monotonic clock; only the runtime reads it."""

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

OUTER_MTU = 1500
"""Octets of the largest IP datagram that the outer path is assumed to carry."""

ANYWHERE: dict[int, Address] = {4: IPv4Address(0), 6: IPv6Address(0)}
"""The address of a socket that serves every address of its IP version."""

ISAKMP_PORT = 500
NAT_T_PORT = 4500

KEEPALIVE = b"\xff"
"""The datagram that keeps a NAT's entry alive (RFC 3948 §2.3)."""
NON_ESP_MARKER = bytes(4)
"""Stands before every ISAKMP message of the NAT traversal ports, where ESP has an SPI (RFC 3948 §2.2)."""


def lies_in(network: Network, other: Network) -> bool:
    """Whether both are of one IP version, and the first is no wider than the other, which has it."""
    if isinstance(network, IPv4Network) and isinstance(other, IPv4Network):
        return network.subnet_of(other)
    return isinstance(network, IPv6Network) and isinstance(other, IPv6Network) and network.subnet_of(other)


@dataclass(frozen=True, slots=True, order=True)
class Peer:
    """One end of a path: an IP address and a UDP port."""

    address: Address
    port: int

    @property
    def site(self) -> Address:
        """What a stranger's cost is counted against: the address, or the /64 of IPv6, since one host may use any
        address of its /64."""
        return IPv6Address(int(self.address) >> 64 << 64) if self.address.version == 6 else self.address

    def __str__(self) -> str:
        host = f"[{self.address}]" if self.address.version == 6 else str(self.address)
        return f"{host}:{self.port}"


@frozen
class Path:
    """Both ends of a flow of datagrams as this host sees them. `floated`: on the NAT traversal socket, where the
    carrier of the path adds and removes `NON_ESP_MARKER`."""

    local: Peer
    remote: Peer
    floated: bool = False

    def to(self, remote: Peer) -> Path:
        return replace(self, remote=remote)

    def __str__(self) -> str:
        return f"{self.local} - {self.remote}"
