"""What the daemon relies on in whoever opens its sockets, also where that is another process."""

from __future__ import annotations

import asyncio
import errno
import socket
from contextlib import asynccontextmanager
from ipaddress import IPv4Address

import pytest

import vacant
from lotor.hosts.sockets import HostSockets
from lotor.hosts.tun import HostTunnels
from lotor.model.network import Peer
from lotor.ports.sockets import local_of
from lotor.privsep.far_sockets import FarSockets
from lotor.warden.opening import Opening, rows
from paired import line, settings

HOME = Peer(IPv4Address("127.0.0.1"), 0)
MARK = 77


@asynccontextmanager
async def host(mark, place):
    del place
    yield HostSockets(mark)


@asynccontextmanager
async def far(mark, place):
    """The configuration of a client that names `place` and the same port of every address."""
    port = place.port or 500
    wanted = settings(f"listen {{ isakmp {place.address}[{port}]; isakmp 0.0.0.0[{port}]; }}")
    opening = Opening(HostSockets(mark), HostTunnels(), lambda: [wanted])
    async with line(rows(opening)) as (asker, _):
        yield FarSockets(asker)


ENGINES = {"host": host, "far": far}


@pytest.fixture(params=ENGINES)
def engine(request):
    return ENGINES[request.param]


@pytest.fixture
def place():
    """A port that is free."""
    return Peer(HOME.address, vacant.port())


def play(engine, story, *, mark=None, place=HOME):
    async def run():
        async with asyncio.timeout(60), engine(mark, place) as sockets:
            return await story(sockets)

    return asyncio.run(run())


@pytest.mark.root
def test_every_socket_has_its_mark(engine):
    async def story(sockets):
        return [await sockets.udp(HOME), await sockets.raw_esp(4), await sockets.raw_esp(6)]

    opened = play(engine, story, mark=MARK)
    assert [each.getsockopt(socket.SOL_SOCKET, socket.SO_MARK) for each in opened] == [MARK] * 3
    assert [(each.type, each.proto) for each in opened[1:]] == [(socket.SOCK_RAW, 50)] * 2
    for each in opened:
        each.close()


@pytest.mark.parametrize("verb", ["udp", "raw_esp", "source_towards"])
def test_a_socket_that_cannot_be_marked_is_not_opened(engine, verb, monkeypatch):
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

    async def story(sockets):
        monkeypatch.setattr(socket, "socket", Plain)
        argument = {"raw_esp": 4, "udp": HOME, "source_towards": Peer(HOME.address, 500)}[verb]
        with pytest.raises(
            OSError, match=r"^\[Errno 1\] no permission to keep .* out of the tunnel: give CAP_NET_ADMIN$"
        ):
            await getattr(sockets, verb)(argument)

    play(engine, story, mark=MARK)
    assert opened
    assert {each.fileno() for each in opened} == {-1}


def test_a_free_port_is_bound_and_a_taken_one_refused_with_a_sentence(engine, place):
    async def story(sockets):
        with await sockets.udp(place) as udp:
            assert local_of(udp) == place
            assert udp.getsockopt(*PACKET_INFORMATION) == 1
            with pytest.raises(OSError, match="is in use") as refused:
                await sockets.udp(place)
            return udp.getblocking(), udp.get_inheritable(), refused.value.errno

    assert play(engine, story, place=place) == (False, False, errno.EADDRINUSE)


PACKET_INFORMATION = (socket.IPPROTO_IP, getattr(socket, "IP_PKTINFO", 8))


def test_a_client_may_have_any_free_port(engine):
    async def story(sockets):
        with await sockets.udp(HOME) as udp:
            return local_of(udp)

    assert play(engine, story).port > 0


def test_an_address_that_this_host_lacks_is_told_by_its_number(engine):
    async def story(sockets):
        with pytest.raises(OSError, match=r"^\[Errno \d+\] 192\.0\.2\.77 is not an address of this host") as refused:
            await sockets.udp(Peer(IPv4Address("192.0.2.77"), 500))
        return refused.value.errno

    assert play(engine, story, place=Peer(IPv4Address("192.0.2.77"), 500)) == errno.EADDRNOTAVAIL


def test_the_port_of_every_address_is_shared_with_sockets_of_ours_for_a_moment(engine, place):
    async def story(sockets):
        with await sockets.udp(place) as one:
            everywhere = Peer(IPv4Address(0), place.port)
            with pytest.raises(OSError, match="is in use"):
                await sockets.udp(everywhere)
            with await sockets.udp(everywhere, [one]) as other:
                assert local_of(other) == everywhere
                return [each.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR) for each in (one, other)]

    assert play(engine, story, place=place) == [0, 0]


def test_a_socket_beside_may_be_closed_meanwhile(engine, place):
    async def story(sockets):
        one, everywhere = await sockets.udp(place), Peer(IPv4Address(0), place.port)
        opening = asyncio.ensure_future(sockets.udp(everywhere, [one]))
        await asyncio.sleep(0)
        one.close()
        with await opening as other:
            return local_of(other) == everywhere

    assert play(engine, story, place=place)


def test_whoever_stops_waiting_keeps_no_socket_open(engine, place):
    async def story(sockets):
        for steps in range(12):
            opening = asyncio.ensure_future(sockets.udp(place))
            for _ in range(steps):
                await asyncio.sleep(0)
            opening.cancel()
            (ended,) = await asyncio.gather(opening, return_exceptions=True)
            if isinstance(ended, socket.socket):
                ended.close()
        for _ in range(1_000):
            await asyncio.sleep(0)  # an answer that nobody waits for is closed when it comes
        with await sockets.udp(place) as udp:
            return local_of(udp) == place

    assert play(engine, story, place=place)


def test_a_port_that_was_closed_can_be_opened_again_and_again(engine, place):
    async def story(sockets):
        for _ in range(20):
            (await sockets.udp(place)).close()
        return True

    assert play(engine, story, place=place)


def test_the_source_is_an_address_of_this_host(engine):
    async def story(sockets):
        return await sockets.source_towards(Peer(IPv4Address("127.0.0.1"), 500))

    assert play(engine, story) == IPv4Address("127.0.0.1")
