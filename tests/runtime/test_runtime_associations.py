"""An ESP engine that takes its time: order for each SA pair, and nothing left behind of what came too late."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from lotor.model.child import Counters, Encapsulation
from lotor.model.network import Peer
from lotor.runtime import associations as room
from lotor.runtime.associations import Associations
from scripted import FLOATED, RecordingEngine, child


@pytest.fixture
def engine():
    return RecordingEngine()


def slow(engine, story):
    """`story(associations)` with an engine that waits until the story says `engine.slow.set()`."""

    async def play():
        engine.slow = asyncio.Event()
        associations = Associations(engine)
        await story(associations)
        engine.slow.set()
        await associations.settled()

    asyncio.run(play())


async def turns(number=5):
    for _ in range(number):
        await asyncio.sleep(0)


def test_what_is_asked_for_one_pair_is_done_in_its_order_and_others_do_not_wait(engine):
    gone = []

    async def story(associations):
        first = asyncio.ensure_future(associations.install(child(1)))
        await turns()
        second = asyncio.ensure_future(associations.activate(1))
        await turns()
        associations.move(1, FLOATED)
        associations.remove(1, gone.append)
        other = asyncio.ensure_future(associations.install(child(2)))
        await turns()
        assert engine.calls == []
        engine.slow.set()
        await asyncio.gather(first, second, other)

    slow(engine, story)
    assert [each for each in engine.calls if each[1] == 1] == [
        ("install", 1),
        ("activate", 1),
        ("move", 1),
        ("remove", 1),
    ]
    assert gone == [Counters()]
    assert list(engine.installed) == [2]


def test_what_nobody_waits_for_any_more_is_taken_back(engine):
    """The session ended, or the peer gave the exchange up, while the engine was busy."""

    async def story(associations):
        installing = asyncio.ensure_future(associations.install(child(1)))
        await turns()
        installing.cancel()
        await turns()

    slow(engine, story)
    assert engine.calls == [("install", 1), ("remove", 1)]
    assert engine.installed == {}


def test_an_engine_that_is_silent_has_refused_and_what_it_did_is_taken_back(engine, monkeypatch):
    monkeypatch.setattr(room, "ENGINE_SECONDS", 0.01)

    async def story(associations):
        with pytest.raises(TimeoutError):
            await associations.install(child(1))

    slow(engine, story)
    assert engine.calls == [("remove", 1)]


def test_of_a_thousand_moves_that_wait_the_last_one_counts(engine):
    paths = [FLOATED.to(Peer(IPv4Address("203.0.113.5"), 1024 + number)) for number in range(1000)]

    async def story(associations):
        for path in paths:
            associations.move(1, path)
            await asyncio.sleep(0)

    slow(engine, story)
    assert engine.moved == [(1, paths[0]), (1, paths[-1])]


def test_a_removal_that_fails_is_told_and_the_session_goes_on(engine, caplog):
    heard = []

    async def refuse(child):
        raise OSError(5, "the engine is upside down")

    engine.remove = refuse

    async def play():
        associations = Associations(engine)
        associations.remove(1, heard.append)
        await associations.settled()
        await asyncio.sleep(0)

    asyncio.run(play())
    assert heard == [None]
    assert "an engine did not follow: the engine is upside down" in caplog.text


def test_the_host_gives_what_native_esp_needs_before_the_pair_is_installed(engine):
    asyncio.run(Associations(engine).install(replace(child(), encapsulation=Encapsulation.NONE)))
    assert engine.prepared == [(Encapsulation.NONE, 4)]


def moves_over(engine, *paths):
    async def play():
        associations = Associations(engine)
        await associations.install(replace(child(), path=FLOATED))
        engine.prepared.clear()
        for path in paths:
            associations.move(1, path)
            await associations.settled()
        await asyncio.sleep(0)

    asyncio.run(play())


def test_the_host_gives_what_native_esp_needs_before_a_pair_moves_to_it(engine):
    native = replace(FLOATED, floated=False)
    moves_over(engine, native, FLOATED)
    assert engine.prepared == [(Encapsulation.NONE, 4), (Encapsulation.UDP, 4)]
    assert engine.moved == [(1, native), (1, FLOATED)]


def test_without_rights_for_native_esp_a_pair_is_lost_and_why_is_told(engine, caplog):
    lost = []

    async def refuse(encapsulation, version):
        raise PermissionError(1, f"no raw socket of IPv{version}: it needs CAP_NET_RAW")

    async def story():
        associations = Associations(engine, lost.append)
        await associations.install(replace(child(), path=FLOATED))
        engine.prepare = refuse
        associations.move(1, replace(FLOATED, floated=False))
        assert lost == []  # not while the core tells of it
        await associations.settled()
        await asyncio.sleep(0)

    asyncio.run(story())
    assert lost == [1]
    assert (engine.moved, engine.installed[1].path) == ([], FLOATED)
    assert "an engine did not follow: no raw socket of IPv4: it needs CAP_NET_RAW" in caplog.text


def test_a_pair_that_moves_again_is_not_lost(engine):
    """A client whose address is gone before it is used, and which is somewhere else already."""
    lost, move = [], engine.move

    async def refuse_once(child, path):
        await engine.slow.wait()
        engine.move = move
        raise OSError(99, "192.0.2.9 is no address of this host")

    async def story(associations):
        engine.move = refuse_once
        associations._lost = lost.append
        associations.move(1, FLOATED)
        await turns()
        associations.move(1, replace(FLOATED, floated=False))

    slow(engine, story)
    assert lost == []
    assert engine.moved == [(1, replace(FLOATED, floated=False))]


def test_the_last_inbound_is_the_newest_of_those_that_are_known(engine):
    engine.figures = {1: Counters(last_inbound=3.0), 2: Counters(last_inbound=9.0), 3: Counters()}
    associations = Associations(engine)
    assert asyncio.run(associations.last_inbound((1, 2, 3, 4))) == 9.0
    assert asyncio.run(associations.last_inbound((4,))) is None
