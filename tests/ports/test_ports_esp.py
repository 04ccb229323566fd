"""What core and runtime rely on in every ESP engine, in its carrier and in its interface."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest

from lotor.model.algorithms import Compression
from lotor.model.child import LOWEST_SPI, Child, Counters, DirectionKeys, Encapsulation
from lotor.model.network import Path, Peer
from lotor.model.offloads import Offloads
from lotor.model.secret import Secret
from lotor.ports.esp import Capabilities
from scripted import ESP

HERE, THERE = Peer(IPv4Address("127.0.0.1"), 4500), Peer(IPv4Address("127.0.0.2"), 4500)
PATH = Path(HERE, THERE, floated=True)


def keys(spi):
    return DirectionKeys(spi, Secret(bytes(16)), Secret(bytes(32)))


def pair(number):
    networks = (IPv4Network("10.0.12.0/24"),), (IPv4Network(f"10.99.99.{number}"),)
    return Child(number, 1, PATH, Encapsulation.UDP, ESP, keys(1000 + number), keys(2000 + number), *networks)


def play(esp, story):
    async def whole():
        esp.carrier.start(lambda *_: None)
        esp.start(lambda _: None)
        try:
            return await story(esp)
        finally:
            await esp.stop()
            await esp.stop()

    return asyncio.run(whole())


def test_its_capabilities_are_words_that_everybody_shares(esp):
    assert isinstance(esp.capabilities, Capabilities)
    assert esp.capabilities.compressions <= set(Compression)


def test_spis_are_new_and_none_is_a_reserved_one(esp):
    async def story(esp):
        return [await esp.reserve_spi() for _ in range(100)]

    spis = play(esp, story)
    assert len(set(spis)) == 100
    assert LOWEST_SPI <= min(spis) <= max(spis) < 1 << 32


def test_a_pair_counts_from_install_to_remove_which_tells_the_last_figures(esp):
    async def story(esp):
        await esp.prepare(Encapsulation.UDP, 4)
        await esp.prepare(Encapsulation.UDP, 4)
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


def test_what_is_unknown_may_be_moved_activated_and_removed(esp):
    async def story(esp):
        await esp.move(5, PATH)
        await esp.activate(5)
        return await esp.remove(5)

    assert play(esp, story) is None


def test_a_renewed_pair_is_activated_beside_the_old_one(esp):
    async def story(esp):
        await esp.install(pair(1))
        await esp.install(replace(pair(2), replaces=1, sending=False))
        await esp.activate(2)
        await esp.move(2, PATH.to(HERE))
        await esp.remove(1)
        return await esp.counters([1, 2])

    assert list(play(esp, story)) == [2]


def test_a_pair_moves_between_udp_and_native_esp(esp):
    """Also to where it is, and to another address at the same time."""
    native, elsewhere = replace(PATH, floated=False), PATH.to(HERE)

    async def story(esp):
        await esp.install(pair(1))
        for path in (native, native, PATH, replace(elsewhere, floated=False), elsewhere):
            await esp.prepare(Encapsulation.along(path), 4)
            await esp.move(1, path)
            await esp.move(77, path)
        return await esp.counters([1, 77]), await esp.remove(1), await esp.counters([1])

    assert play(esp, story) == ({1: Counters()}, Counters(), {})


def test_its_carrier_serves_floated_paths_and_no_others(esp):
    async def story(esp):
        return esp.carrier.serves(PATH), esp.carrier.serves(replace(PATH, floated=False))

    assert play(esp, story) == (True, False)


def test_its_interface_tells_what_routes_and_scripts_need(esp):
    assert esp.interface.name
    assert 576 <= esp.interface.mtu <= 1500
    assert isinstance(esp.interface.offloads, Offloads)
