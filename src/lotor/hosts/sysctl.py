"""Reads the kernel's IPv4 and IPv6 switches; never sets one."""

from __future__ import annotations

from pathlib import Path

SETTINGS = Path("/proc/sys/net/ipv4")
IPV6_ADDRESSES = Path("/proc/net/if_inet6")
STRICT = 1


def strict_reverse_path(device: str) -> bool:
    """Whether packets that come by a device must have their way back there (`rp_filter` 1; the larger value counts)."""
    return max(_value(f"conf/{name}/rp_filter") for name in ("all", device)) == STRICT


def forwards() -> bool:
    return _value("ip_forward") != 0


def has_ipv6() -> bool:
    return IPV6_ADDRESSES.exists()


def _value(name: str) -> int:
    try:
        return int((SETTINGS / name).read_text())
    except (OSError, ValueError):
        return 0
