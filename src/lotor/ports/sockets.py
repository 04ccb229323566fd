"""The port of whoever may open sockets of the host: a verb for each, and a descriptor for an answer."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Protocol

from lotor.model.network import Address, Peer


class Sockets(Protocol):
    """Every socket stays out of the tunnel: one that cannot be marked is not opened. `OSError` with a sentence."""

    async def udp(self, local: Peer, beside: Sequence[socket.socket] = ()) -> socket.socket:
        """Bound, non-blocking, and it tells and chooses its local address packet by packet. `beside`: sockets of ours
        that may have the same port, for every address where this is for one, or the other way round."""
        ...

    async def raw_esp(self, version: int) -> socket.socket:
        """For IP protocol 50 over this IP version."""
        ...

    async def source_towards(self, remote: Peer) -> Address:
        """The local address that the routes outside the tunnel choose for datagrams to `remote`."""
        ...
