"""Port 500 in the event loop: the carrier of one socket, which is closed with it."""

from __future__ import annotations

import socket

from lotor.model.network import Path
from lotor.ports.carrier import Receive
from lotor.ports.datagrams import Datagrams


class IsakmpSocket:
    """`ports.SocketCarrier` of port 500: reads in the event loop, hands over `(datagram, path)`."""

    def __init__(self, udp: socket.socket) -> None:
        self._datagrams = Datagrams(udp)
        self.local = self._datagrams.local

    @property
    def socket(self) -> socket.socket:
        return self._datagrams.socket

    def start(self, receive: Receive) -> None:
        self._datagrams.start(receive)

    def close(self) -> None:
        self._datagrams.stop()
        self.socket.close()

    def serves(self, path: Path) -> bool:
        return self._datagrams.serves(path)

    def transmit(self, data: bytes, path: Path) -> None:
        self._datagrams.send(data, path)
