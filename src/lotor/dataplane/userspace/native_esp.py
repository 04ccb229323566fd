"""The raw sockets of native ESP, IP protocol 50: opened only when a peer without NAT wants one, and only if allowed."""

from __future__ import annotations

import socket

IPPROTO_ESP = 50


def open_esp_socket(nat_t: socket.socket) -> socket.socket:
    """A raw ESP socket of the same IP version that stays out of the tunnel as `nat_t` does; `OSError` says what is
    missing."""
    try:
        raw = socket.socket(nat_t.family, socket.SOCK_RAW, IPPROTO_ESP)
    except PermissionError as error:
        text = "no permission for native ESP: give CAP_NET_RAW, or set `nat_traversal force` to carry ESP in UDP"
        raise OSError(error.errno, text) from error
    mark = nat_t.getsockopt(socket.SOL_SOCKET, socket.SO_MARK)
    if mark:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
    return raw
