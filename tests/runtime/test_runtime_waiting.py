"""Who is looked at first: a flood of first messages costs a proved session no turn of the loop, counted, not timed."""

from __future__ import annotations

import asyncio
import logging
from ipaddress import IPv4Address

import pytest

from lotor.ike.effects import Transmit
from lotor.ike.events import Ended, PathChanged, Up
from lotor.ike.standing import Standing
from lotor.model.network import Path, Peer
from lotor.runtime.driver import Driver
from lotor.runtime.waiting import FEW, MOST_WAITING, SILENCE, WaitingRoom
from peers.world import connect, is_up, pair
from scripted import BYE, FLOATED, PATH, ScriptedCore

FLOOD = 5000
HERE = Peer(IPv4Address("192.0.2.50"), 500)


def by_first_letter(data, path):
    return {b"p": Standing.PROVED, b"u": Standing.UNDER_WAY}.get(data[:1], Standing.STRANGER)


def fill(room, datagrams, path=PATH):
    return [data for data in datagrams if room.admit(data, path)]


def test_the_first_few_of_a_turn_do_not_wait_and_proved_ones_never_do():
    room = WaitingRoom(by_first_letter)
    assert fill(room, [b"s1", b"p1", b"u1", b"s2", b"u2", b"s3", b"p2"]) == [b"s1", b"p1", b"u1", b"s2", b"u2", b"p2"]
    assert [data for data, _ in room.turn(0.0)] == [b"s3"]


def test_logins_under_way_go_before_those_that_begin():
    room = WaitingRoom(by_first_letter)
    fill(room, [b"s0"] * FEW + [b"s1", b"s2", b"s3", b"u1", b"u2"])
    assert [data for data, _ in room.turn(0.0)] == [b"u1", b"u2", b"s1", b"s2"]
    assert [data for data, _ in room.turn(0.0)] == [b"s3"]
    assert not room.stirred or list(room.turn(0.0)) == []


def test_who_writes_from_where_a_session_is_up_goes_before_strangers():
    room = WaitingRoom(by_first_letter)
    room.follow(Up(1, PATH, "alice"))
    room.follow(PathChanged(1, PATH, PATH.to(Peer(IPv4Address("198.51.100.9"), 4500)), ()))
    fill(room, [b"s"] * FEW + [b"stranger"])
    room.admit(b"renewal", PATH.to(Peer(IPv4Address("198.51.100.9"), 4500)))
    room.admit(b"old home", PATH)
    assert [data for data, _ in room.turn(0.0)] == [b"renewal", b"stranger", b"old home"]
    room.follow(Ended(1, BYE, established=True))
    assert not room._known
    assert not room._homes


def test_a_full_queue_drops_what_comes_and_says_so_once_in_a_while(caplog):
    room = WaitingRoom(by_first_letter)
    fill(room, [b"s"] * (FEW + MOST_WAITING + 7))
    assert room.dropped == 7
    with caplog.at_level(logging.WARNING):
        for now in (0.0, 1.0, SILENCE - 1.0):
            list(room.turn(now))
            fill(room, [b"s"] * (FEW + 1))
        list(room.turn(SILENCE + 1.0))
    assert [record.args for record in caplog.records] == [(7,), (3,)]


def test_strangers_get_their_turn_when_the_flood_is_over():
    async def play():
        core = ScriptedCore()
        core.standings = {str(number).encode(): Standing.STRANGER for number in range(40)}
        driver = Driver(core, lambda data, path: None, lambda question: None)
        for number in range(40):
            driver.receive(str(number).encode(), PATH)
        turns = 0
        while len(core.calls) < 40:
            await asyncio.sleep(0)
            turns += 1
        return [int(call[1]) for call in core.calls], turns

    order, turns = asyncio.run(play())
    assert order == list(range(40))
    assert turns <= 40 // FEW + 1


def flood(client, count):
    """First messages of strangers, each from a port and with a cookie of its own, as the client's own one."""
    first = next(each.data for each in client.first if isinstance(each, Transmit))
    for number in range(count):
        cookie = (number + 1).to_bytes(8, "big")
        yield cookie + first[8:], Path(HERE, Peer(IPv4Address("203.0.113.77"), 1024 + number))


@pytest.fixture
def visited():
    """A gateway and its client, the tunnel up; `client.first` is what began it."""
    world, gateway, client = pair(3)
    heard = client.endpoint.command

    def command(intent, now):
        client.first = heard(intent, now)
        return client.first

    client.endpoint.command = command
    connect(world, client, gateway)
    assert world.run(60, lambda: is_up(client) and is_up(gateway))
    return world, gateway, client


def probe_of(world, client):
    """The client's next R-U-THERE, which comes after its quiet delay."""
    for _ in range(50):
        world.now = max(world.now, client.endpoint.deadline().at)
        for effect in client.endpoint.tick(world.now):
            if isinstance(effect, Transmit) and len(effect.data) > 1:
                return effect.data
            world.do(client, [effect])
            for ask in [effect] if hasattr(effect, "ticket") else []:
                for then in client.endpoint.answer(ask.ticket, client.answer(ask.question), world.now):
                    if isinstance(then, Transmit):
                        return then.data
    raise AssertionError("no probe")


def test_a_probe_is_answered_in_the_turn_in_which_it_comes_whatever_strangers_send(visited):
    world, gateway, client = visited
    probe, home = probe_of(world, client), client.of(Up)[-1].path
    outer = world._translate(home.local)

    async def play():
        looked_at, answered = [], []
        receive = gateway.endpoint.receive

        def watched(data, path, now):
            looked_at.append(path)
            return receive(data, path, world.now)

        gateway.endpoint.receive = watched
        driver = Driver(
            gateway.endpoint,
            lambda data, path: answered.append((len(looked_at), path.remote)),
            gateway_answers(gateway),
        )
        strangers = list(flood(client, FLOOD))
        for data, path in strangers[: FLOOD // 2]:
            driver.receive(data, path)
        before = len(looked_at)
        driver.receive(probe, Path(Peer(HERE.address, 4500), outer, floated=True))
        at_once = [count for count, remote in answered if remote == outer]
        for data, path in strangers[FLOOD // 2 :]:
            driver.receive(data, path)
        in_one_turn = len(looked_at)
        driver.stop()
        return before, at_once, in_one_turn, driver.waiting.dropped

    before, at_once, in_one_turn, dropped = asyncio.run(play())
    assert before == FEW
    assert at_once == [FEW + 1]
    assert in_one_turn == FEW + 1
    assert dropped == FLOOD - FEW - MOST_WAITING


def gateway_answers(gateway):
    from lotor.runtime.answers import Answered

    return lambda question: Answered(gateway.answer(question))


def test_standing_is_told_by_the_cookies_alone(visited):
    world, gateway, client = visited
    probe = probe_of(world, client)
    assert gateway.endpoint.standing(probe, FLOATED) is Standing.PROVED
    assert gateway.endpoint.standing(probe[:8] + bytes(8) + probe[16:], FLOATED) is Standing.STRANGER
    assert gateway.endpoint.standing(b"", FLOATED) is Standing.STRANGER
    data, path = next(flood(client, 1))
    assert gateway.endpoint.standing(data, path) is Standing.STRANGER
    gateway.endpoint.receive(data, path, world.now)
    assert gateway.endpoint.standing(data, path) is Standing.UNDER_WAY
