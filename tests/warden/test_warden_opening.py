"""What a daemon that an intruder owns has of sockets and devices, over a real line."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest

import vacant
from lotor.hosts import holder
from lotor.hosts.sockets import HostSockets
from lotor.model.network import Peer
from lotor.ports.sockets import local_of
from lotor.privsep.asking import Refused
from lotor.privsep.opening import OPEN_RAW_ESP, OPEN_TUNNEL, OPEN_UDP, SOURCE_TOWARDS, Device, Place, Version
from lotor.privsep.serving import MOST_DENIED
from lotor.warden import opening as module
from lotor.warden.opening import MOST_OF_EACH, MOST_TRIED, MOST_WAYS, Opening, rows
from paired import gateway, line, settings

HOME = IPv4Address("127.0.0.1")
GATEWAY = gateway()


@dataclass
class Made:
    name: str
    fd: int
    framed = False


class Tunnels:
    """Devices that are none."""

    def __init__(self, fault=None):
        self.fault = fault
        self.names = []

    async def open(self):
        if self.fault is not None:
            raise self.fault
        self.names.append(f"lotor{len(self.names)}")
        return Made(self.names[-1], os.open("/dev/null", os.O_RDONLY))


@pytest.fixture
def port():
    """One that is free."""
    return vacant.port()


def listening(port, more=""):
    return settings(f"listen {{ isakmp 127.0.0.1[{port}]; isakmp_natt 127.0.0.1[{port}]; }} {more}")


def play(story, *configurations, tunnels=None, other=lambda: None):
    """`story(asker, opening, lost)`; nothing that this program opened is left."""

    async def run():
        before = opened()
        in_force = list(configurations)
        opening = Opening(HostSockets(), tunnels or Tunnels(), lambda: in_force, other)
        async with asyncio.timeout(60), line(rows(opening)) as (asker, lost):
            result = await story(asker, opening, lost)
        assert opened() - before == set()
        return result

    return asyncio.run(run())


def opened():
    return {name for name in Path("/proc/self/fd").iterdir() if name.exists()}


async def taken(asker, verb, request):
    """The socket that it got, None where it was refused."""
    try:
        answered = await asker.ask(verb, request)
    except Refused:
        return None
    assert answered.value is None
    (descriptor,) = answered.descriptors
    return socket.socket(fileno=descriptor)


async def have(asker, *places, shared=False):
    """Which of them it gets."""
    got = []
    for place in places:
        udp = await taken(asker, OPEN_UDP, Place(place, shared))
        if udp is not None:
            got.append(place)
            udp.close()
    return got


def test_only_what_the_configuration_names_is_bound(port, caplog):
    named = Peer(HOME, port)
    others = [
        *(Peer(HOME, other) for other in (22, 53, 500, port + 1, 70_000, -1, 2**62)),
        *(Peer(IPv4Address(address), port) for address in ("0.0.0.0", "127.0.0.2", "192.0.2.1")),
        *(Peer(IPv6Address(address), port) for address in ("::", "::1", "::ffff:127.0.0.1")),
        Peer(IPv4Address("127.0.0.2"), 0),
    ]

    async def story(asker, *_):
        return await have(asker, *others, named)

    assert play(story, listening(port)) == [named]
    assert caplog.text.count("the daemon may not open a UDP socket: no configuration has a socket at") == len(others)
    assert "127.0.0.1:22" in caplog.text


def test_a_gateway_has_no_socket_at_a_free_port(port):
    client, gateway = listening(port), listening(port, GATEWAY)

    async def story(asker, *_):
        return await have(asker, Peer(HOME, 0))

    assert play(story, client) == [Peer(HOME, 0)]
    assert play(story, gateway) == []
    assert play(story, client, gateway) == play(story, gateway, client) == []


def test_without_a_line_a_program_listens_on_the_usual_ports_of_every_address(monkeypatch):
    asked = []

    class Sockets(HostSockets):
        def open(self, local, *, shared):
            asked.append(local)
            raise OSError(98, "is in use")

    async def run():
        opening = Opening(Sockets(), Tunnels(), lambda: [settings(GATEWAY)])
        async with line(rows(opening)) as (asker, _):
            for address in (IPv4Address(0), HOME, IPv6Address(0)):
                for each in (0, 22, 500, 501, 4500):
                    await have_or_fault(asker, Peer(address, each))

    asyncio.run(run())
    assert asked == [Peer(address, each) for address in (IPv4Address(0), IPv6Address(0)) for each in (500, 4500)]


async def have_or_fault(asker, place):
    with contextlib.suppress(Refused):
        await asker.ask(OPEN_UDP, Place(place, shared=False))


def test_the_next_configuration_counts_during_a_reload(port):
    other = vacant.port()

    async def story(asker, *_):
        return await have(asker, Peer(HOME, port), Peer(HOME, other))

    assert play(story, listening(port), listening(other)) == [Peer(HOME, port), Peer(HOME, other)]


@pytest.mark.parametrize("told", [True, False], ids=["the kernel tells", "it does not"])
def test_a_hundred_sockets_are_a_handful(port, told, monkeypatch):
    """It lets all of them share the port for ever."""
    if not told:
        monkeypatch.setattr(module, "living", lambda kind: None)

    async def story(asker, *_):
        got = []
        for _ in range(50):
            udp = await taken(asker, OPEN_UDP, Place(Peer(HOME, port), shared=True))
            if udp is not None:
                udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                got.append(udp)
        closed = [each.close() for each in got]
        again = await taken(asker, OPEN_UDP, Place(Peer(HOME, port), shared=True))
        if again is not None:
            again.close()
        return len(closed), again is not None

    assert play(story, listening(port)) == (MOST_OF_EACH, told)


def test_free_ports_are_a_handful_as_well(port):
    async def story(asker, *_):
        got = [await taken(asker, OPEN_UDP, Place(Peer(HOME, 0), shared=False)) for _ in range(50)]
        kept = [each for each in got if each is not None]
        places = {local_of(each) for each in kept}
        for each in kept:
            each.close()
        return len(places)

    assert play(story, listening(port)) == MOST_OF_EACH


@pytest.mark.root
@pytest.mark.parametrize("version", Version)
def test_raw_sockets_are_a_handful(version):
    async def story(asker, *_):
        got = [await taken(asker, OPEN_RAW_ESP, version) for _ in range(20)]
        kept = [each for each in got if each is not None]
        kinds = [(each.family, each.type, each.proto) for each in kept]
        for each in kept:
            each.close()
        again = await taken(asker, OPEN_RAW_ESP, version)
        again.close()
        return kinds

    family = socket.AF_INET if version is Version.IPV4 else socket.AF_INET6
    assert play(story) == [(family, socket.SOCK_RAW, 50)] * MOST_OF_EACH


class Refusing:
    """Sockets of a host that opens none; `asked` tells what was tried."""

    def __init__(self):
        self.asked = []

    def open(self, local, *, shared):
        self.refuse(local)

    async def raw_esp(self, version):
        self.refuse(version)

    async def source_towards(self, remote):
        self.refuse(remote)

    def refuse(self, what):
        self.asked.append(what)
        raise OSError(98, "is in use")


TRIED = {
    "a socket": (OPEN_UDP, [Place(Peer(HOME, port), shared=False) for port in (700, 701)], MOST_TRIED),
    "native ESP": (OPEN_RAW_ESP, list(Version), MOST_TRIED),
    "ways": (SOURCE_TOWARDS, [Peer(HOME, 500)], MOST_WAYS),
}


@pytest.mark.parametrize("what", TRIED)
def test_what_the_host_refuses_is_tried_a_bounded_number_of_times(what, monkeypatch):
    """Whoever looks for the program that has a port reads all of /proc: a daemon that asks on has it done no more. One
    that does as it should may come there, too: it is refused, and not ended."""
    monkeypatch.setattr(module, "TRIED_AGAIN", 1e9)
    monkeypatch.setattr(module, "WAYS_AGAIN", 1e9)
    verb, requests, most = TRIED[what]
    sockets = Refusing()
    named = "listen { isakmp 127.0.0.1[700]; isakmp_natt 127.0.0.1[701]; }"

    async def run():
        opening = Opening(sockets, Tunnels(), lambda: [settings(named)])
        found = []
        async with asyncio.timeout(60), line(rows(opening)) as (asker, lost):
            for _ in range(2):
                for request in requests:
                    for _ in range(most + MOST_DENIED + 20):
                        with contextlib.suppress(Refused):
                            await asker.ask(verb, request)
                found.append(len(sockets.asked))
                opening.let_go()
            return found, lost.done()

    assert asyncio.run(run()) == ([len(requests) * most, 2 * len(requests) * most], False)


def test_a_daemon_has_one_device_and_its_successor_another(caplog):
    tunnels = Tunnels()

    async def story(asker, opening, _):
        first = await asker.ask(OPEN_TUNNEL, None)
        first.close()
        for _ in range(20):
            with pytest.raises(Refused):
                await asker.ask(OPEN_TUNNEL, None)
        had = opening.device
        opening.let_go()
        gone = opening.device
        second = await asker.ask(OPEN_TUNNEL, None)
        second.close()
        return first.value, had, gone, second.value, opening.device

    assert play(story, tunnels=tunnels) == (Device("lotor0"), "lotor0", None, Device("lotor1"), "lotor1")
    assert tunnels.names == ["lotor0", "lotor1"]
    assert "the daemon may not make a TUN device: a daemon has one TUN device" in caplog.text


def test_beside_a_device_of_the_kernels_esp_there_is_none():
    async def story(asker, *_):
        with pytest.raises(Refused):
            await asker.ask(OPEN_TUNNEL, None)

    play(story, other=lambda: "lotor0")


def test_the_ports_that_a_daemon_was_given_are_known_until_it_ends(port):
    async def story(asker, opening, _):
        (await asker.ask(OPEN_UDP, Place(Peer(HOME, port), shared=False))).close()
        (await asker.ask(OPEN_UDP, Place(Peer(HOME, 0), shared=False))).close()
        had = len(opening.ports), port in opening.ports, 0 in opening.ports
        opening.let_go()
        return had, opening.ports

    assert play(story, listening(port)) == ((2, True, False), set())


def test_a_device_that_cannot_be_made_may_be_asked_for_again():
    tunnels = Tunnels(OSError(2, "there is no /dev/net/tun"))

    async def story(asker, opening, _):
        found = (await asker.ask(OPEN_TUNNEL, None)).value
        tunnels.fault = None
        made = await asker.ask(OPEN_TUNNEL, None)
        made.close()
        return found.number, found.sentence, made.value

    assert play(story, tunnels=tunnels) == (2, "there is no /dev/net/tun", Device("lotor0"))


def test_what_the_host_says_crosses_clean_and_short():
    tunnels = Tunnels(OSError(None, "a\nb\x1b[2J" + 10_000 * "€"))

    async def story(asker, *_):
        return (await asker.ask(OPEN_TUNNEL, None)).value

    found = play(story, tunnels=tunnels)
    assert found.number is None
    assert found.sentence.isprintable()
    assert 1_000 < len(found.sentence) < 1_100


def test_the_way_to_a_peer_is_asked_for_ports_that_there_are(port):
    async def story(asker, *_):
        for wrong in (0, -1, 65_536, 2**62):
            with pytest.raises(Refused):
                await asker.ask(SOURCE_TOWARDS, Peer(HOME, wrong))
        return (await asker.ask(SOURCE_TOWARDS, Peer(HOME, 500))).value.address

    assert play(story, listening(port)) == HOME


def test_a_daemon_that_asks_again_and_again_is_ended(port, caplog, monkeypatch):
    monkeypatch.setattr("lotor.privsep.serving.FORGIVEN_AFTER", 1e9)

    async def story(asker, _, lost):
        asked = 0
        while not lost.done():
            asked += 1
            answer = asyncio.ensure_future(have_or_fault(asker, Peer(HOME, 22)))
            await asyncio.wait({answer, lost}, return_when=asyncio.FIRST_COMPLETED)
        answer.cancel()
        return asked, await lost

    asked, why = play(story, listening(port))
    assert asked == MOST_DENIED + 1
    assert why == "the daemon asked again and again for what it may not have"
    assert len(caplog.records) <= MOST_DENIED + 2


def test_sockets_that_live_are_told_by_their_numbers(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind((str(HOME), 0))
        number = os.fstat(udp.fileno()).st_ino
        assert number in holder.living("udp")
    assert number not in holder.living("udp")
    assert holder.living("udp", tmp_path) is None
