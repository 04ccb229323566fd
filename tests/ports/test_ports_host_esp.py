"""What the kernel's engine relies on in whoever has the rights: near, and over the line."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest

from far import FarPort
from kernel_tables import Engine
from lotor.model.child import Child, Counters, DirectionKeys, Encapsulation
from lotor.model.network import Path, Peer
from lotor.model.secret import Secret
from lotor.ports.esp import Capabilities, Expired
from lotor.ports.host_esp import KernelDevice, Leading
from lotor.privsep.far_esp import FarHostEsp
from lotor.warden.carrying import Carrying, Surroundings, rows
from lotor.warden.pairs import Grounds
from scripted import ESP

HERE, THERE = Peer(IPv4Address("192.0.2.1"), 4500), Peer(IPv4Address("198.51.100.7"), 4500)
PATH = Path(HERE, THERE, floated=True)
NATIVE = replace(PATH, floated=False)


class FarEngine:
    """The other process's, for a daemon whose sessions have all of the pool."""

    def __init__(self, kernel, port):
        self.kernel, self._port = kernel, port

    def __getattr__(self, name):
        return getattr(self._port, name)

    async def close(self):
        await self._port._here().close()


@contextmanager
def near():
    yield Engine()


@contextmanager
def far():
    engine = Engine()
    grounds = Grounds(list, lambda _: True, set, lambda _: True, lambda: {4500})
    carrying = Carrying(engine, Surroundings(lambda: True, lambda: None, lambda: 8, grounds))
    with FarPort(FarHostEsp, rows(carrying)) as port:
        yield FarEngine(engine.kernel, port)


HOST_ESPS = {"tables in memory": near, "far": far}
"""Each makes a `HostEsp` that was not opened. `kernel.expire` ends a life of an SA."""


@pytest.fixture(params=HOST_ESPS)
def esp(request):
    with HOST_ESPS[request.param]() as made:
        yield made


def keys(spi):
    return DirectionKeys(spi, Secret(bytes(16)), Secret(bytes(32)))


def pair(number, **changes):
    networks = (IPv4Network("10.0.12.0/24"),), (IPv4Network(f"10.99.99.{number}"),)
    child = Child(number, 1, PATH, Encapsulation.UDP, ESP, keys(1000 + number), keys(2000 + number), *networks)
    return replace(child, **changes)


def play(esp, story):
    async def whole():
        await esp.open()
        try:
            return await story(esp)
        finally:
            await esp.close()
            await esp.close()

    return asyncio.run(whole())


def test_it_may_be_closed_that_was_never_opened(esp):
    asyncio.run(esp.close())


def test_what_is_opened_tells_of_a_device(esp):
    async def story():
        device = await esp.open()
        await esp.close()
        return device

    device = asyncio.run(story())
    assert isinstance(device, KernelDevice)
    assert device.name.startswith("lotor")
    assert 576 <= device.mtu <= 1500
    assert isinstance(device.leading, Leading)
    assert isinstance(device.capabilities, Capabilities)
    assert not device.capabilities.rates


def test_it_can_be_opened_again_after_its_end(esp):
    async def story(esp):
        await esp.install(pair(1))
        await esp.close()
        await esp.open()
        await esp.install(pair(1))
        return list(await esp.counters([1]))

    assert play(esp, story) == [1]


def test_a_pair_counts_from_install_to_remove_which_tells_the_last_figures(esp):
    async def story(esp):
        await esp.install(pair(1))
        during = await esp.counters([1, 77])
        return during, await esp.remove(1), await esp.remove(1), await esp.counters([1])

    assert play(esp, story) == ({1: Counters()}, Counters(), None, {})


def test_a_number_is_used_once_at_a_time(esp):
    async def story(esp):
        await esp.install(pair(1))
        with pytest.raises(OSError, match="installed already"):
            await esp.install(pair(1))
        await esp.remove(1)
        await esp.install(pair(1))

    play(esp, story)


def test_an_spi_is_used_once_at_a_time(esp):
    async def story(esp):
        await esp.install(pair(1))
        with pytest.raises(OSError, match=r"0x000003e9 at 192\.0\.2\.1 belongs to another SA"):
            await esp.install(pair(2, inbound=keys(1001)))
        assert await esp.remove(2) is None
        return list(await esp.counters([1, 2]))

    assert play(esp, story) == [1]


def test_what_is_unknown_may_be_moved_activated_and_removed(esp):
    async def story(esp):
        await esp.move(5, PATH)
        await esp.activate(5)
        return await esp.remove(5)

    assert play(esp, story) is None


def test_a_renewed_pair_is_activated_beside_the_old_one(esp):
    async def story(esp):
        await esp.install(pair(1))
        await esp.install(pair(2, replaces=1, sending=False))
        await esp.activate(2)
        await esp.move(2, PATH.to(replace(THERE, port=60000)))
        await esp.remove(1)
        return await esp.counters([1, 2])

    assert list(play(esp, story)) == [2]


def test_pairs_of_both_encapsulations_are_installed(esp):
    async def story(esp):
        await esp.install(pair(1, path=NATIVE, encapsulation=Encapsulation.NONE))
        await esp.install(pair(2))
        await esp.move(1, NATIVE.to(replace(THERE, port=60000)))
        return list(await esp.counters([1, 2])), forms(esp)

    assert play(esp, story) == ([1, 2], [Encapsulation.NONE] * 2 + [Encapsulation.UDP] * 2)


def forms(esp):
    return [entry.sa.encapsulation for entry in esp.kernel.sas.values()]


def test_a_pair_moves_between_udp_and_native_esp(esp):
    """Also to another address at the same time."""
    elsewhere = PATH.to(replace(THERE, address=IPv4Address("203.0.113.9")))

    async def story(esp):
        await esp.install(pair(1))
        found = []
        for path in (NATIVE, PATH, replace(elsewhere, floated=False), elsewhere, NATIVE, NATIVE):
            await esp.move(1, path)
            await esp.move(77, path)
            found.append((*forms(esp), {each.destination for each in esp.kernel.sas}))
        return found, await esp.counters([1, 77]), await esp.remove(1)

    udp, native = (Encapsulation.UDP,) * 2, (Encapsulation.NONE,) * 2
    there, away = ({HERE.address, each.remote.address} for each in (PATH, elsewhere))
    found = [(*native, there), (*udp, there), (*native, away), (*udp, away), (*native, there), (*native, there)]
    assert play(esp, story) == (found, {1: Counters()}, Counters())


def test_ends_of_lives_are_told_to_who_waits_for_them(esp):
    async def story(esp):
        await esp.install(pair(1))
        told = asyncio.create_task(esp.notices())
        await esp.counters([1])
        assert not told.done()
        esp.kernel.expire(next(iter(esp.kernel.sas)), hard=False)
        return await told

    assert play(esp, story) == (Expired(1, hard=False),)


def test_nothing_is_installed_before_it_is_open(esp):
    with pytest.raises(OSError, match="not open"):
        asyncio.run(esp.install(pair(1)))
