"""The kernel's IPv4 and IPv6 switches. A name is a path below /proc/sys."""

from __future__ import annotations

import errno
from pathlib import Path

ROOT = Path("/proc/sys")
FORWARDING = {4: "net/ipv4/ip_forward", 6: "net/ipv6/conf/all/forwarding"}
IPV6_ADDRESSES = Path("/proc/net/if_inet6")
STRICT = 1


def strict_reverse_path(device: str) -> bool:
    """Whether packets that come by a device must have their way back there (`rp_filter` 1; the larger value counts)."""
    return max(map(reverse_path, ("all", device))) == STRICT


def reverse_path(device: str) -> int:
    """The device's own `rp_filter`; 0 for a device that is not there."""
    return _number(_reverse_path(device))


def set_reverse_path(device: str, value: int) -> None:
    """Raises `OSError`."""
    (ROOT / _reverse_path(device)).write_text(str(value))


def forwards(version: int) -> bool:
    """Whether packets of an IP version are forwarded."""
    return is_on(FORWARDING[version])


def has_ipv6() -> bool:
    return IPV6_ADDRESSES.exists()


def takes_ipv6(device: str) -> bool:
    """Whether a device may have IPv6 addresses; `default`: one that is yet to come."""
    return has_ipv6() and _number(f"net/ipv6/conf/{device}/disable_ipv6") == 0


def get(name: str) -> str:
    """What a switch stands at; empty for one that is not there."""
    try:
        return (ROOT / name).read_text().strip()
    except OSError:
        return ""


def shown(name: str) -> str:
    """As people write it, and sysctl(8) takes it: with dots, unless a part of it has a dot itself (a device)."""
    return name if "." in name else name.replace("/", ".")


def is_on(name: str) -> bool:
    return get(name) not in {"", "0"}


def put(name: str, value: str) -> None:
    """Raises `OSError` with a sentence."""
    try:
        (ROOT / name).write_text(value)
    except OSError as error:
        hint = ": in a container give it --sysctl, or write forward off;" if error.errno == errno.EROFS else ""
        raise OSError(
            error.errno, f"the kernel's {shown(name)} cannot be set to {value}: {error.strerror}{hint}"
        ) from None


def _reverse_path(device: str) -> str:
    return f"net/ipv4/conf/{device}/rp_filter"


def _number(name: str) -> int:
    try:
        return int(get(name))
    except ValueError:
        return 0
