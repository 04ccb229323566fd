"""The raw sockets of native ESP, IP protocol 50: opened only when a peer without NAT wants one, and only if allowed."""

from __future__ import annotations

import socket

IPPROTO_ESP = 50
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}


def open_esp_socket(version: int, mark: int | None) -> socket.socket:
    """It stays out of the tunnel by its mark; `OSError` says what is missing."""
    try:
        raw = socket.socket(FAMILIES[version], socket.SOCK_RAW, IPPROTO_ESP)
    except PermissionError as error:
        text = "no permission for native ESP: give CAP_NET_RAW, or set `nat_traversal force` to carry ESP in UDP"
        raise OSError(error.errno, text) from error
    if mark is not None:
        try:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
        except OSError:
            raw.close()
            raise
    return raw
