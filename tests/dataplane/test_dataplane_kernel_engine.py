"""The kernel's engine: what it hears of its host, what it cannot do, and what port 4500 leaves to the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from ipaddress import ip_address

import pytest

from kernel_esp import DEVICE, MemoryEsp
from lotor.dataplane.kernel import carrier as carriers
from lotor.dataplane.kernel.engine import Kernel
from lotor.hosts.sockets import open_udp
from lotor.model.child import Encapsulation
from lotor.model.network import KEEPALIVE, NON_ESP_MARKER, Path, Peer
from lotor.ports.esp import Broken, Expired, Moved
from privsep.test_privsep_esp import CHILD

HOME, HOME6 = Peer(ip_address("127.0.0.1"), 0), Peer(ip_address("::1"), 0)
ESP = bytes.fromhex("c0ffee00 00000001") + bytes(40)
FAR, NEW = Peer(ip_address("198.51.100.7"), 4500), Peer(ip_address("203.0.113.5"), 4500)


@pytest.fixture
def nat_t():
    with open_udp(HOME) as udp:
        yield udp


def play(story, *nat_t, esp=None):
    async def whole():
        host = esp or MemoryEsp()
        engine, told = Kernel(host, DEVICE, *nat_t), []
        engine.start(told.append)
        async with asyncio.timeout(60):
            try:
                return await story(engine, host, told)
            finally:
                await engine.stop()

    return asyncio.run(whole())


async def turns(number=5):
    for _ in range(number):
        await asyncio.sleep(0)


def test_notices_come_in_their_order(nat_t):
    async def story(_, host, told):
        host.said.put_nowait((Expired(1, hard=False), Moved(1, FAR)))
        host.said.put_nowait((Expired(1, hard=True),))
        await turns()
        return told

    assert play(story, nat_t) == [Expired(1, hard=False), Moved(1, FAR), Expired(1, hard=True)]


def moves(host):
    return [each[2] for each in host.calls if each[0] == "move"]


def test_a_pair_that_followed_its_peer_is_not_sent_there_again(nat_t):
    """What the kernel tells, the core says of all SA pairs of a session; of this one it would be a verb for nothing."""
    there, elsewhere = CHILD.path.to(NEW), CHILD.path.to(Peer(NEW.address, 4501))

    async def story(engine, host, _):
        await engine.install(CHILD)
        await engine.move(CHILD.id, CHILD.path)
        host.said.put_nowait((Moved(CHILD.id, NEW), Moved(77, NEW)))
        await turns()
        for path in (there, elsewhere, elsewhere, there):
            await engine.move(CHILD.id, path)
        await engine.move(77, there)
        await engine.remove(CHILD.id)
        await engine.move(CHILD.id, there)
        return moves(host)

    assert play(story, nat_t) == [elsewhere, there, there, there]


def test_a_pair_that_is_told_of_while_it_is_moved_may_be_anywhere(nat_t):
    """Which of both came first nobody knows here."""
    there, elsewhere = CHILD.path.to(NEW), CHILD.path.to(Peer(NEW.address, 4501))

    class Slow(MemoryEsp):
        async def move(self, child, path):
            await super().move(child, path)
            self.said.put_nowait((Moved(child, NEW),))
            await turns()

    async def story(engine, host, _):
        await engine.install(CHILD)
        for path in (elsewhere, there, there):
            await engine.move(CHILD.id, path)
        return moves(host)

    assert play(story, nat_t, esp=Slow()) == [elsewhere, there, there]


def test_a_pair_that_could_not_move_is_asked_to_again(nat_t):
    class Refusing(MemoryEsp):
        async def move(self, child, path):
            await super().move(child, path)
            raise OSError(105, "no memory")

    async def story(engine, host, _):
        await engine.install(CHILD)
        for path in (CHILD.path.to(NEW), CHILD.path):
            with pytest.raises(OSError, match="no memory"):
                await engine.move(CHILD.id, path)
        return len(moves(host))

    assert play(story, nat_t, esp=Refusing()) == 2


@pytest.mark.parametrize("fault", [OSError(32, "the warden is gone"), ValueError("the warden is gone")])
def test_an_engine_that_hears_nothing_any_more_is_broken(nat_t, fault):
    async def story(_, host, told):
        host.said.put_nowait(fault)
        await turns()
        return told

    assert play(story, nat_t) == [Broken("the kernel's ESP is out of reach: the warden is gone")]


def test_nothing_is_told_after_the_end(nat_t):
    async def story(engine, host, told):
        host.said.put_nowait((Expired(1, hard=True), Expired(2, hard=True)))
        await asyncio.sleep(0)
        await engine.stop()
        host.said.put_nowait((Expired(3, hard=True),))
        await turns()
        return told, list(host.calls)

    assert play(story, nat_t) == ([], ["close"])


def test_a_fault_of_who_hears_a_notice_keeps_no_other_from_being_heard(nat_t):
    async def story(engine, host, told):
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        await engine.stop()
        again = Kernel(host, DEVICE, nat_t)
        again.start(lambda notice: [told.append(notice), 1 / 0])
        host.said.put_nowait((Expired(1, hard=True), Expired(2, hard=True)))
        await turns()
        await again.stop()
        return told

    assert play(story, nat_t) == [Expired(1, hard=True), Expired(2, hard=True)]


def test_it_ends_also_where_who_has_the_rights_is_gone(nat_t, caplog):
    class Gone(MemoryEsp):
        async def close(self):
            raise OSError(32, "the warden is gone")

    async def story(engine, *_):
        await engine.stop()

    play(story, nat_t, esp=Gone())
    assert "were not taken away: the warden is gone" in caplog.text


def test_a_stopped_engine_stays_stopped(nat_t):
    async def story(engine, *_):
        await engine.stop()
        with pytest.raises(OSError, match="make a new one"):
            engine.start(lambda _: None)

    play(story, nat_t)


def test_an_ip_version_without_a_socket_has_native_esp_only(nat_t):
    async def story(engine, *_):
        await engine.prepare(Encapsulation.NONE, 6)
        with pytest.raises(OSError, match="needs a listen address of IPv6"):
            await engine.prepare(Encapsulation.UDP, 6)
        with pytest.raises(OSError, match="has IPv6"):
            engine.carrier.transmit(b"", Path(HOME6, Peer(HOME6.address, 4500), floated=True))

    play(story, nat_t)


def test_two_sockets_of_one_ip_version_are_a_mistake(nat_t):
    with open_udp(HOME) as second, pytest.raises(OSError, match="of IPv4, one of IPv6"):
        Kernel(MemoryEsp(), DEVICE, nat_t, second)
    assert encapsulates(nat_t) == 0


def test_where_one_socket_cannot_be_given_to_the_kernel_none_is(nat_t, monkeypatch):
    class Refusing(socket.socket):
        def setsockopt(self, level, option, *value):
            if option == carriers.UDP_ENCAP:
                raise OSError(92, "Protocol not available")
            super().setsockopt(level, option, *value)

    with Refusing(socket.AF_INET6, socket.SOCK_DGRAM) as six:
        six.bind(("::1", 0))
        with pytest.raises(OSError, match=r"takes no ESP in UDP \(option UDP_ENCAP\): Protocol not available"):
            Kernel(MemoryEsp(), DEVICE, nat_t, six)
    assert encapsulates(nat_t) == 0


def test_the_kernel_takes_esp_and_keepalives_and_leaves_ike(nat_t):
    async def story(engine, *_):
        heard, came = [], asyncio.Event()
        engine.carrier.start(lambda data, _: [heard.append(data), came.set()])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.connect(nat_t.getsockname())
            for datagram in (ESP, KEEPALIVE, b"", bytes(3), b"\1" * 8, NON_ESP_MARKER + b"a message"):
                with contextlib.suppress(OSError):
                    peer.send(datagram)
            await came.wait()
        return heard

    assert play(story, nat_t) == [b"a message"]
    assert encapsulates(nat_t) == carriers.ESP_IN_UDP


def test_both_ip_versions_have_their_socket(nat_t):
    async def story(engine, *_):
        return engine.carrier.versions

    with open_udp(HOME6) as six:
        assert play(story, nat_t, six) == {4, 6}


def encapsulates(udp):
    return udp.getsockopt(socket.IPPROTO_UDP, carriers.UDP_ENCAP)
