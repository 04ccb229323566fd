"""The reading end of systemd's journal, for tests."""

from __future__ import annotations

import socket
import struct


def read_native(octets: bytes) -> dict[str, str]:
    """As systemd's journal reads a datagram."""
    found = {}
    while octets:
        line, _, octets = octets.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            (length,) = struct.unpack_from("<Q", octets)
            value, end, octets = octets[8 : 8 + length], octets[8 + length : 9 + length], octets[9 + length :]
            assert end == b"\n"
        found[name.decode()] = value.decode()
    return found


def heard(listening: socket.socket) -> list[dict[str, str]]:
    """Whatever came until now to a socket that does not wait."""
    found = []
    while True:
        try:
            found.append(read_native(listening.recv(100_000)))
        except BlockingIOError:
            return found
