"""Ports of loopback for servers that a test starts. The kernel gives them to nobody by itself: one that is free when it
is chosen is free still when its server binds it."""

from __future__ import annotations

import secrets
import socket
from pathlib import Path

_LOWEST = 10_000
_given: set[int] = set()


def ports(count: int) -> list[int]:
    """Such as neither TCP nor UDP has, and none that was chosen before."""
    return [port() for _ in range(count)]


def port() -> int:
    end = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while (chosen := _LOWEST + secrets.randbelow(end - _LOWEST)) in _given or not _free(chosen):
        continue
    _given.add(chosen)
    return chosen


def _free(number: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", number))
            except OSError:
                return False
    return True
