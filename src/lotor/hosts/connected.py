"""The networks that this host is in, from the kernel's tables of routes."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from lotor.hosts.tun import OWN
from lotor.model.network import Network

ROUTES4, ROUTES6, DEVICES = Path("/proc/net/route"), Path("/proc/net/ipv6_route"), Path("/sys/class/net")
UP, GATEWAY = 1, 2


def connected() -> dict[Network, str]:
    """Networks without a gateway in between, and the device of each. Tunnels are left out: their routes are lotor's
    own, or another VPN's."""
    found = {**dict(_ipv4(_read(ROUTES4))), **dict(_ipv6(_read(ROUTES6)))}
    return {network: device for network, device in found.items() if not _is_tunnel(device)}


def _is_tunnel(device: str) -> bool:
    return device.startswith(OWN) or (DEVICES / device / "tun_flags").exists()


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _ipv4(table: str) -> Iterator[tuple[Network, str]]:
    """Columns: device, destination, gateway, flags …, mask; addresses in the host's order of octets."""
    for line in table.splitlines()[1:]:
        columns = line.split()
        flags, mask = int(columns[3], 16), _octets(columns[7])
        if flags & UP and not flags & GATEWAY and mask != bytes(4):
            prefix = int.from_bytes(mask, "big").bit_count()
            yield IPv4Network((_octets(columns[1]), prefix), strict=False), columns[0]


def _ipv6(table: str) -> Iterator[tuple[Network, str]]:
    """Columns: destination, its prefix length, source, its prefix length, next hop …, flags, device."""
    for line in table.splitlines():
        columns = line.split()
        network = IPv6Network((bytes.fromhex(columns[0]), int(columns[1], 16)), strict=False)
        if int(columns[8], 16) & UP and columns[4] == "0" * 32 and _counts(network) and columns[9] != "lo":
            yield network, columns[9]


def _counts(network: IPv6Network) -> bool:
    return 0 < network.prefixlen < 128 and not (network.is_link_local or network.is_multicast)


def _octets(text: str) -> bytes:
    return bytes.fromhex(text)[::-1]
