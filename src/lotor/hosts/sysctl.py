"""The kernel's IPv4 and IPv6 switches: all are read, one is set."""

from __future__ import annotations

from pathlib import Path

SETTINGS = Path("/proc/sys/net/ipv4")
SETTINGS6 = Path("/proc/sys/net/ipv6")
IPV6_ADDRESSES = Path("/proc/net/if_inet6")
STRICT = 1


def strict_reverse_path(device: str) -> bool:
    """Whether packets that come by a device must have their way back there (`rp_filter` 1; the larger value counts)."""
    return max(map(reverse_path, ("all", device))) == STRICT


def reverse_path(device: str) -> int:
    """The device's own `rp_filter`; 0 for a device that is not there."""
    return _value(SETTINGS / f"conf/{device}/rp_filter")


def set_reverse_path(device: str, value: int) -> None:
    """Raises `OSError`."""
    (SETTINGS / f"conf/{device}/rp_filter").write_text(str(value))


def forwards() -> bool:
    return _value(SETTINGS / "ip_forward") != 0


def forwards_ipv6() -> bool:
    return _value(SETTINGS6 / "conf/all/forwarding") != 0


def has_ipv6() -> bool:
    return IPV6_ADDRESSES.exists()


def takes_ipv6(device: str) -> bool:
    """Whether a device may have IPv6 addresses; `default`: one that is yet to come."""
    return has_ipv6() and _value(SETTINGS6 / f"conf/{device}/disable_ipv6") == 0


def _value(file: Path) -> int:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return 0
