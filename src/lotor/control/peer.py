"""Who has the other end of a local socket, as the kernel says."""

from __future__ import annotations

import socket
import struct

UCRED = struct.Struct("=3i")


def credentials(connection: socket.socket) -> tuple[int, int, int]:
    """Process, user and group (`struct ucred`, unix(7)) of who connected, listened, or made the pair."""
    process, user, group = UCRED.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, UCRED.size))
    return process, user, group
