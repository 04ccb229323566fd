"""The port of what carries IKE datagrams: sockets of port 500, and those of port 4500, whichever process owns them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from lotor.model.network import Path, Peer

Receive = Callable[[bytes, Path], None]
"""An ISAKMP message, without a marker, and the way it came; called in the event loop."""


class Carrier(Protocol):
    """Holds open sockets: sending does not wait. A marker before ISAKMP messages is the carrier's own business."""

    def start(self, receive: Receive) -> None:
        """Also once more, for another receiver."""
        ...

    def close(self) -> None:
        """May be called again."""
        ...

    def serves(self, path: Path) -> bool:
        """Whether datagrams of this path leave here."""
        ...

    def transmit(self, data: bytes, path: Path) -> None:
        """From exactly `path.local`; `OSError` as the kernel gave it. No marker stands before a `KEEPALIVE`."""
        ...


class SocketCarrier(Carrier, Protocol):
    """A carrier of one socket, open at one address or at every address (`local`)."""

    local: Peer
