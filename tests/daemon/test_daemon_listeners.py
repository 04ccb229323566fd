"""A reload in a program with real sockets on the loopback: sockets, pool and routes follow, all of it or nothing."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, closing
from ipaddress import IPv4Address
from types import SimpleNamespace

import pytest

import vacant
from lotor.daemon.active_config import equip
from lotor.daemon.exits import Exit, StartError
from lotor.daemon.listeners import Listeners
from lotor.daemon.reloading import Reload
from lotor.daemon.service import AdminService
from lotor.hosts.sockets import HostSockets, open_udp
from lotor.ike.events import Ended
from lotor.model.grants import NO_GRANTS
from lotor.model.network import ANYWHERE, Path, Peer
from lotor.model.reasons.ends import ChildDeleted
from lotor.runtime.carriers import Carriers
from lotor.runtime.present import Present
from lotor.runtime.sockets import IsakmpSocket
from lotor.warden import loading
from lotor.warden.warden import Hold, Warden
from scripted import RecordingHost, RecordingRoutes
from visiting import CLIENT_FILE, GATEWAY_FILE, ROOT

BESIDE = {
    "records": None,
    "gateways": None,
    "register": None,
    "associations": SimpleNamespace(counters=None),
    "driver": SimpleNamespace(command=None),
}
"""Of a daemon, what a reload does not touch."""


class Tunnels:
    """Devices that are none."""

    class Device:
        name, fd, framed = "lotor0", -1, True

        def close(self):
            pass

    async def open(self):
        return self.Device()


HOME = IPv4Address("127.0.0.1")
POOL, OTHER = "network4 10.99.99.1", "network4 10.50.0.1"


class Place:
    """A gateway that listens on the loopback; `ports` are free ones."""

    def __init__(self, directory):
        self.directory, self.paths, self.routes = directory, [], RecordingRoutes()
        self.ports = vacant.ports(3)
        self.write(self.ports[0])
        self.warden = Warden(self.read, self.read(), Hold(HostSockets(), Tunnels(), RecordingHost([]), self.routes))
        carriers = [IsakmpSocket(open_udp(Peer(HOME, self.ports[0])))]
        self.carriers = Carriers(carriers, lambda: self.paths)
        self.carriers.start(lambda data, path: None)
        self.listeners = self.listening_at(Peer(HOME, 4500))

    def listening_at(self, floated):
        return Listeners(self.carriers, HostSockets(), [floated])

    async def start(self):
        await self.warden.start()
        await self.warden.privileged.tunnels.open()
        self.present = Present(equip(self.warden.present()))
        self.reload = Reload(self.warden, equip, self.listeners, self.present)

    def read(self):
        return loading.load(self.directory / "gateway.conf")

    def acquire(self, session, user):
        return self.warden.privileged.leases.acquire(session, user, NO_GRANTS)

    def write(self, *ports, old=POOL, new=POOL):
        lines = " ".join(f"isakmp 127.0.0.1[{port}];" for port in ports)
        text = GATEWAY_FILE.format(directory=self.directory, pool=4).replace(old, new)
        assert "adminsock disabled;" in text
        listen = f"adminsock disabled; {lines} isakmp_natt 127.0.0.1[4500];"
        (self.directory / "gateway.conf").write_text(text.replace("adminsock disabled;", listen))

    def adapt(self, *ports, **changes):
        self.write(*ports, **changes)
        return self.reload()

    def listens(self):
        return {carrier.local.port for carrier in self.carriers.open}


def play(directory, story):
    async def whole():
        place = Place(directory)
        try:
            await place.start()
            return await story(place)
        finally:
            place.carriers.close()
            await place.warden.stop()

    return asyncio.run(whole())


def ended(session=1):
    return Ended(session, ChildDeleted(), established=True)


def test_sockets_follow(directory):
    async def story(place):
        first, second, _ = place.ports
        told = await place.adapt(first, second)
        both = place.listens()
        told += await place.adapt(second)
        return place.ports, told, both, place.listens()

    (first, second, _), told, both, one = play(directory, story)
    assert (both, one) == ({first, second}, {second})
    assert told == [f"127.0.0.1:{second} is open now", f"127.0.0.1:{first} is closed to new clients"]


def test_newcomer_16_a_client_keeps_the_free_port_that_it_got(directory):
    """Port 500 was taken when it started, and may be taken still."""

    async def story(place):
        carrier, floated = IsakmpSocket(open_udp(Peer(ANYWHERE[4], 0))), Peer(ANYWHERE[4], place.ports[2])
        place.carriers.replace([carrier])
        (directory / "client.conf").write_text(CLIENT_FILE.format(directory=directory, login=""))
        client = equip(loading.load(directory / "client.conf").provision)
        listeners = place.listening_at(floated)
        with ExitStack() as opened:
            told = listeners.replace(await listeners.prepare(client, opened), client)
            opened.pop_all()
        return told, carrier, [each for each in place.carriers.open if each.local.address == ANYWHERE[4]]

    told, carrier, now = play(directory, story)
    assert now == [carrier]
    assert not [line for line in told if "0.0.0.0" in line]


def test_nothing_changes_where_one_address_cannot_be_opened(directory):
    async def story(place):
        first, second, third = place.ports
        with closing(open_udp(Peer(HOME, third))), pytest.raises(StartError, match="is in use") as caught:
            await place.adapt(first, second, third, new=OTHER)
        with closing(open_udp(Peer(HOME, second))):
            pass  # it was closed again
        place.leases = [await place.acquire(1, "alice")]
        place.led = place.routes.led
        return place, caught.value.code

    place, code = play(directory, story)
    assert code is Exit.BUSY
    assert place.listens() == {place.ports[0]}
    assert place.led == ["10.99.99.1/32", "10.99.99.2/31", "10.99.99.4/32"]
    assert str(place.leases[0].address) == "10.99.99.1"


def test_nothing_changes_where_the_pool_cannot_be_led(directory):
    async def story(place):
        first, second, _ = place.ports
        place.routes.fault = OSError(17, "the route to 10.50.0.0/24 was refused: File exists")
        with pytest.raises(StartError, match="cannot be a gateway: the route to"):
            await place.adapt(first, second, new=OTHER)
        with closing(open_udp(Peer(HOME, second))):
            place.leases = [await place.acquire(1, "alice")]
            return place

    place = play(directory, story)
    assert place.listens() == {place.ports[0]}
    assert str(place.leases[0].address) == "10.99.99.1"


def test_a_lease_of_the_old_pool_is_led_until_its_session_ends(directory):
    async def story(place):
        await place.acquire(1, "alice")
        told = await place.adapt(place.ports[0], new=OTHER)
        meanwhile = place.routes.led
        new = await place.acquire(2, "bob")
        await place.warden.privileged.leases.release(1)
        return told, meanwhile, new, place.routes.led

    told, meanwhile, new, after = play(directory, story)
    assert told == ["the pool is 10.50.0.1 to 10.50.0.4 now, addresses that are given stay until their sessions end"]
    assert meanwhile == [*after, "10.99.99.1/32"]
    assert after == ["10.50.0.1/32", "10.50.0.2/31", "10.50.0.4/32"]
    assert str(new.address) == "10.50.0.1"


def test_a_larger_pool_leads_nothing_twice(directory):
    async def story(place):
        await place.acquire(1, "alice")
        await place.adapt(place.ports[0], old="pool_size 4", new="pool_size 7")
        return place.routes.led

    assert play(directory, story) == ["10.99.99.1/32", "10.99.99.2/31", "10.99.99.4/30"]


def test_f12_who_may_send_to_the_clients_follows_what_they_reach(directory):
    async def story(place):
        port, everybody = place.ports[0], place.routes.partners
        split = "split_network include 10.0.12.0/24, fd00:12::/64; network6 fd00:99::1; network4 10.99.99.1"
        await place.adapt(port, old=POOL, new=split)
        return everybody, place.routes.partners, place.routes.led

    everybody, partners, led = play(directory, story)
    assert everybody == []
    assert partners == ["10.0.12.0/24", "10.0.12.1/32", "fd00:12::/64"]
    assert led[:3] == ["10.99.99.1/32", "10.99.99.2/31", "10.99.99.4/32"]


def test_the_same_configuration_again_touches_nothing(directory):
    async def story(place):
        place.routes.fault = OSError(17, "the route to 10.50.0.0/24 was refused: File exists")
        carrier = place.carriers.open
        return await place.adapt(place.ports[0]), place.carriers.open == carrier

    assert play(directory, story) == ([], True)


def test_a_socket_in_use_stays_until_its_session_ends(directory):
    async def story(place):
        first, second, _ = place.ports
        old = place.carriers.open[0]
        place.paths = [Path(Peer(HOME, first), Peer(IPv4Address("127.0.0.2"), 500))]
        await place.adapt(second)
        held = old.socket.fileno()
        place.paths = []
        place.listeners.follow(ended())
        return held, old.socket.fileno()

    held, after = play(directory, story)
    assert held > 0
    assert after == -1


def test_every_address_can_become_one_and_back(directory):
    async def story(place):
        first, *_ = place.ports
        everywhere(place, first)
        await place.reload()
        wide = place.carriers.open[0].local
        place.paths = [Path(Peer(HOME, first), Peer(IPv4Address("127.0.0.2"), 500))]
        await place.adapt(first)
        narrow = place.carriers.open[0].local
        with pytest.raises(OSError, match="in use"):
            open_udp(Peer(HOME, first))
        return wide, narrow, first

    wide, narrow, port = play(directory, story)
    assert (str(wide), str(narrow)) == (f"0.0.0.0:{port}", f"127.0.0.1:{port}")


def everywhere(place, port):
    place.write(port)
    file = place.directory / "gateway.conf"
    file.write_text(file.read_text().replace("isakmp 127.0.0.1[", "isakmp 0.0.0.0["))


def test_what_stays_where_it_is_is_said(directory):
    async def story(place):
        place.write(place.ports[0])
        file = place.directory / "gateway.conf"
        file.write_text(file.read_text().replace("[4500]", "[4501]"))
        return await place.reload()

    (told,) = play(directory, story)
    assert told == "NAT traversal stays at 127.0.0.1:4500 until the next start: restart lotor to move it"


def test_a_reload_goes_on_when_the_person_who_asked_is_gone(directory):

    async def story(place):
        begun, gate, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def slow():
            begun.set()
            await gate.wait()
            told = await place.reload()
            done.set()
            return told

        wiring = SimpleNamespace(listen=lambda listener: None, present=place.present, **BESIDE)
        admin = AdminService(wiring, "gateway.conf", slow)
        place.write(place.ports[1])
        asked = asyncio.ensure_future(admin.reload(ROOT))
        await begun.wait()
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        gate.set()
        await done.wait()
        return place.listens() == {place.ports[1]}

    assert play(directory, story)
