"""What the daemon relies on in whoever opens its sockets."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import IPv4Address

import pytest

from lotor.hosts.sockets import HostSockets
from lotor.model.network import Peer
from lotor.ports.sockets import local_of

HOME = Peer(IPv4Address("127.0.0.1"), 0)
MARK = 77


@pytest.mark.root
def test_every_socket_has_its_mark():
    async def play():
        sockets = HostSockets(MARK)
        return [await sockets.udp(HOME), await sockets.raw_esp(4), await sockets.raw_esp(6)]

    opened = asyncio.run(play())
    assert [each.getsockopt(socket.SOL_SOCKET, socket.SO_MARK) for each in opened] == [MARK] * 3
    for each in opened:
        each.close()


@pytest.mark.parametrize("verb", ["udp", "raw_esp", "source_towards"])
def test_a_socket_that_cannot_be_marked_is_not_opened(verb, monkeypatch):
    """Unmarked it would ask the routes that lead into the tunnel."""

    opened = []

    class Plain(socket.socket):
        def __init__(self, *arguments):
            super().__init__(socket.AF_INET, socket.SOCK_DGRAM)
            opened.append(self)

        def setsockopt(self, level, name, *value):
            if name == socket.SO_MARK:
                raise PermissionError(1, "Operation not permitted")
            super().setsockopt(level, name, *value)

    monkeypatch.setattr(socket, "socket", Plain)
    argument = 4 if verb == "raw_esp" else HOME
    with pytest.raises(
        OSError, match=r"^(\[Errno 1\] )?no permission to keep .* out of the tunnel: give CAP_NET_ADMIN$"
    ):
        asyncio.run(getattr(HostSockets(MARK), verb)(argument))
    assert opened
    assert {each.fileno() for each in opened} == {-1}


def test_a_free_port_is_bound_and_a_taken_one_refused_with_a_sentence():
    async def play():
        sockets = HostSockets()
        with await sockets.udp(HOME) as udp:
            with pytest.raises(OSError, match="is in use"):
                await sockets.udp(local_of(udp))
            return udp.getblocking()

    assert asyncio.run(play()) is False


def test_the_source_is_an_address_of_this_host():
    assert asyncio.run(HostSockets().source_towards(Peer(IPv4Address("127.0.0.1"), 500))) == IPv4Address("127.0.0.1")
