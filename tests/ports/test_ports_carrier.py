"""What the runtime relies on in every carrier of IKE datagrams: the way they came, the way they leave, who hears of
them."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from ipaddress import ip_address

import pytest

from kernel_esp import DEVICE, MemoryEsp
from lotor.dataplane.kernel.engine import Kernel
from lotor.dataplane.userspace.engine import Userspace
from lotor.hosts.sockets import HostSockets, open_udp
from lotor.model.network import KEEPALIVE, Path, Peer
from lotor.model.offloads import NO_OFFLOADS
from lotor.runtime.sockets import IsakmpSocket
from ports.conftest import SocketTun

MESSAGE, ANSWER = bytes(range(1, 60)), b"an answer" * 5
MARKER = bytes(4)
HOME, ANYWHERE = ip_address("127.0.0.1"), ip_address("0.0.0.0")
PATIENCE = 60


class Setup:
    """A carrier, the address at which it hears, and a peer's socket. `marker` stands before ISAKMP messages."""

    def __init__(self, carrier, address, peer, marker=b""):
        self.carrier, self.peer, self.marker = carrier, peer, marker
        self.path = Path(address, end(peer), floated=bool(marker))
        self.heard, self.came = [], asyncio.Event()

    def start(self):
        self.heard, self.came = heard, came = [], asyncio.Event()

        def receive(data, path):
            heard.append((data, path))
            came.set()

        self.carrier.start(receive)
        return heard

    def say(self, data=MESSAGE):
        self.peer.sendto(self.marker + data, (str(self.path.local.address), self.path.local.port))

    async def hears(self, data=MESSAGE):
        self.say(data)
        await asyncio.wait_for(self.came.wait(), PATIENCE)
        return self.heard


def end(udp):
    return Peer(ip_address(udp.getsockname()[0]), udp.getsockname()[1])


@contextlib.asynccontextmanager
async def port_500(address=HOME):
    udp = open_udp(Peer(address, 0))
    carrier = IsakmpSocket(udp)
    with peer() as other:
        yield Setup(carrier, Peer(HOME, carrier.local.port), other)
    carrier.close()


@contextlib.asynccontextmanager
async def port_4500():
    inside, device = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with inside, device, open_udp(Peer(HOME, 0)) as udp, peer() as other:
        engine = Userspace(SocketTun(device.fileno()), udp, raw_esp=HostSockets().raw_esp, wanted=NO_OFFLOADS)
        engine.start(lambda notice: None)
        yield Setup(engine.carrier, end(udp), other, MARKER)
        await engine.stop()


@contextlib.asynccontextmanager
async def port_4500_of_the_kernel(address=HOME):
    with open_udp(Peer(address, 0)) as udp, peer() as other:
        engine = Kernel(MemoryEsp(), DEVICE, udp)
        engine.start(lambda notice: None)
        yield Setup(engine.carrier, Peer(HOME, end(udp).port), other, MARKER)
        await engine.stop()


@contextlib.contextmanager
def peer():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind((str(HOME), 0))
        udp.settimeout(PATIENCE)
        yield udp


CARRIERS = {
    "port 500": port_500,
    "port 500 of every address": lambda: port_500(ANYWHERE),
    "port 4500": port_4500,
    "port 4500 of the kernel's engine": port_4500_of_the_kernel,
    "port 4500 of the kernel's engine, of every address": lambda: port_4500_of_the_kernel(ANYWHERE),
}
each = pytest.mark.parametrize("carrier", CARRIERS)


def play(carrier, story):
    async def whole():
        async with CARRIERS[carrier]() as setup:
            return await story(setup)

    return asyncio.run(whole())


@each
def test_a_message_comes_without_a_marker_and_with_the_way_it_came(carrier):
    async def story(setup):
        setup.start()
        return await setup.hears(), setup.path

    heard, path = play(carrier, story)
    assert heard == [(MESSAGE, path)]


@each
def test_an_answer_leaves_by_that_way(carrier):
    async def story(setup):
        setup.start()
        ((_, path),) = await setup.hears()
        assert setup.carrier.serves(path)
        setup.carrier.transmit(ANSWER, path)
        data, source = await asyncio.to_thread(setup.peer.recvfrom, 2000)
        return data, source, setup

    data, source, setup = play(carrier, story)
    assert data == setup.marker + ANSWER
    assert source == (str(setup.path.local.address), setup.path.local.port)


@each
def test_no_marker_stands_before_a_keepalive(carrier):
    async def story(setup):
        setup.start()
        setup.carrier.transmit(KEEPALIVE, setup.path)
        return (await asyncio.to_thread(setup.peer.recvfrom, 2000))[0]

    assert play(carrier, story) == KEEPALIVE


@each
def test_another_receiver_takes_the_place_of_the_first(carrier):
    async def story(setup):
        first = setup.start()
        setup.start()
        return first, await setup.hears()

    first, second = play(carrier, story)
    assert (first, [data for data, _ in second]) == ([], [MESSAGE])


@each
def test_ways_of_others_are_not_served(carrier):
    async def story(setup):
        local, remote, floated = setup.path.local, setup.path.remote, setup.path.floated
        assert setup.carrier.serves(setup.path)
        return setup.carrier.serves(Path(local, remote, not floated))

    assert play(carrier, story) is False


@each
def test_after_its_end_nobody_hears_and_it_may_end_again(carrier):
    async def story(setup):
        setup.start()
        await setup.hears()
        setup.carrier.close()
        with contextlib.suppress(OSError):  # the kernel may say that nobody listens
            setup.say(ANSWER)
        for _ in range(20):
            await asyncio.sleep(0.005)
        setup.carrier.close()
        return setup.heard

    assert [data for data, _ in play(carrier, story)] == [MESSAGE]
