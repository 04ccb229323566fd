"""Port 4500 beside the kernel's ESP: the kernel takes packets of ESP and keepalives, IKE is left to the event loop."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Iterable

from lotor.model.network import KEEPALIVE, NON_ESP_MARKER, Path
from lotor.ports.carrier import Receive
from lotor.ports.datagrams import Datagrams

UDP_ENCAP, ESP_IN_UDP = 100, 2
"""The option of UDP sockets, and what it is set to: ESP behind a UDP header, as RFC 3948 has it (Linux, udp.h)."""
PLAIN = 0


class EncapsulatedSockets:
    """`ports.Carrier` of the sockets of port 4500, which remain their owner's: one of each IP version at most. From now
    on the kernel takes what is ESP in UDP (RFC 3948 §2.1); no right is needed for that. `OSError` where it does not,
    and they are as they were."""

    def __init__(self, *nat_t: socket.socket) -> None:
        datagrams = [Datagrams(each, floated=True) for each in nat_t]
        self._sockets = {each.local.address.version: each for each in datagrams}
        if not 0 < len(self._sockets) == len(nat_t):
            raise OSError("the kernel's engine needs a NAT traversal socket of IPv4, one of IPv6, or one of each")
        self._receive: Receive | None = None
        _encapsulate(nat_t)

    def start(self, receive: Receive) -> None:
        self._receive = receive
        for each in self._sockets.values():
            each.start(self._take)

    def close(self) -> None:
        for each in self._sockets.values():
            each.stop()

    @property
    def versions(self) -> frozenset[int]:
        """IP versions of the paths that leave here."""
        return frozenset(self._sockets)

    def serves(self, path: Path) -> bool:
        return path.floated

    def transmit(self, data: bytes, path: Path) -> None:
        version = path.remote.address.version
        leaving = self._sockets.get(version)
        if leaving is None:
            raise OSError(errno.EAFNOSUPPORT, f"no socket of NAT traversal has IPv{version}")
        leaving.send(data if data == KEEPALIVE else NON_ESP_MARKER + data, path)

    def _take(self, datagram: bytes, path: Path) -> None:
        """What is too short for ESP comes here as well, and says nothing."""
        if self._receive is not None and datagram.startswith(NON_ESP_MARKER):
            self._receive(datagram[len(NON_ESP_MARKER) :], path)


def _encapsulate(nat_t: Iterable[socket.socket]) -> None:
    with contextlib.ExitStack() as undone:
        for each in nat_t:
            try:
                each.setsockopt(socket.IPPROTO_UDP, UDP_ENCAP, ESP_IN_UDP)
            except OSError as error:
                text = f"this kernel takes no ESP in UDP (option UDP_ENCAP): {error.strerror}"
                raise OSError(error.errno, text) from error
            undone.callback(each.setsockopt, socket.IPPROTO_UDP, UDP_ENCAP, PLAIN)
        undone.pop_all()
