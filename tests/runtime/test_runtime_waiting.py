"""Who is looked at first: a flood of first messages costs a proved session no turn of the loop, counted, not timed."""

from __future__ import annotations

import asyncio
import logging
from ipaddress import IPv4Address

import pytest

from lotor.ike.effects import Tell, Transmit
from lotor.ike.events import Deferring, Up
from lotor.ike.standing import Standing
from lotor.model.network import Path, Peer
from lotor.runtime.driver import Driver
from lotor.runtime.turns import Line
from lotor.runtime.waiting import (
    BETWEEN_DROP_LINES,
    DEFERRED_A_TURN,
    EACH_SESSION,
    EACH_SITE,
    MOST_WAITING,
    STRANGERS_A_TURN,
    AdmissionQueue,
)
from peers.world import connect, is_up, pair
from scripted import FLOATED, PATH, ScriptedCore

FLOOD = 5000
HERE = Peer(IPv4Address("192.0.2.50"), 500)


def by_first_letter(data, path):
    return {b"p": Standing.PROVED, b"u": Standing.UNDER_WAY, b"k": Standing.KNOWN}.get(data[:1], Standing.STRANGER)


def fill(room, datagrams, path=PATH):
    return [data for data in datagrams if room.admit(data, path)]


def turn(room, now=0.0):
    return [data for data, _ in room.turn(now)]


def test_the_first_few_of_a_turn_do_not_wait_and_proved_ones_never_do():
    room = AdmissionQueue(by_first_letter)
    assert fill(room, [b"s1", b"p1", b"u1", b"s2", b"u2", b"s3", b"p2"]) == [b"s1", b"p1", b"u1", b"s2", b"u2", b"p2"]
    assert turn(room) == [b"s3"]


def test_n12_half_of_the_turns_are_for_logins_under_way_and_nobody_is_left_without_one():
    room = AdmissionQueue(by_first_letter)
    fill(room, [b"s0"] * STRANGERS_A_TURN)
    for number in range(8):
        fill(room, [bytes([letter]) + b"%d" % number for letter in b"usk"])
    looked_at = [turn(room) for _ in range(4)]
    assert [sorted(data[:1] for data in each) for each in looked_at] == [[b"k", b"s", b"u", b"u"]] * 4
    assert sorted(data[:1] for data in turn(room)) == [b"k", b"k", b"s", b"s"]


def test_n12_turns_that_nobody_needs_are_the_next_ones():
    room = AdmissionQueue(by_first_letter)
    fill(room, [b"s%d" % number for number in range(STRANGERS_A_TURN + 6)])
    assert turn(room) == [b"s4", b"s5", b"s6", b"s7"]
    assert turn(room) == [b"s8", b"s9"]
    assert not turn(room)
    assert not room.stirred


def test_a18b_a_login_under_way_that_sends_all_the_time_holds_no_other_up():
    """One FIFO of 256 was full of one session's garbage, six thousand datagrams a second."""
    room = AdmissionQueue(by_first_letter)
    fill(room, [b"s"] * STRANGERS_A_TURN)
    fill(room, [b"u:greedy".ljust(16) + b"%d" % number for number in range(6000)])
    room.admit(b"u:honest".ljust(16), PATH)
    assert b"u:honest".ljust(16) in turn(room)
    assert len(room._lines[Standing.UNDER_WAY]) <= EACH_SESSION


def test_n12_one_site_has_a_share_of_the_places_and_a_turn_like_any_other():
    room = AdmissionQueue(by_first_letter)
    fill(room, [b"s"] * STRANGERS_A_TURN)
    fill(room, [b"many"] * 1000)
    assert room.dropped == 1000 - EACH_SITE
    fill(room, [b"single"], PATH.to(Peer(IPv4Address("203.0.113.9"), 500)))
    assert b"single" in turn(room)


def test_n12_in_a_full_line_the_largest_crowd_gives_way():
    line = Line(8, 6)
    for number in range(6):
        assert line.add("crowd", (b"%d" % number, PATH))
    assert line.add("a", (b"a", PATH))
    assert line.add("b", (b"b", PATH))
    assert not line.add("c", (b"c", PATH))
    assert not line.add("crowd", (b"more", PATH))
    taken = [line.take()[0] for _ in range(len(line))]
    assert taken == [b"0", b"a", b"b", b"c", b"1", b"2", b"3", b"4"]


def test_n12_what_comes_to_nothing_does_not_use_the_turn_up():
    async def play():
        core = ScriptedCore(receive=lambda data, path: [])
        core.standings = {b"%d" % number: Standing.STRANGER for number in range(200)}
        driver = Driver(core, lambda data, path: None, lambda question: None)
        for number in range(200):
            driver.receive(b"%d" % number, PATH.to(Peer(IPv4Address(0xCB007100 + number), 500)))
        at_once = len(core.calls)
        await asyncio.sleep(0)
        return at_once, len(core.calls) - at_once

    at_once, in_a_turn = asyncio.run(play())
    assert at_once == in_a_turn == STRANGERS_A_TURN + DEFERRED_A_TURN


def test_a_full_queue_drops_what_comes_and_says_so_once_in_a_while(caplog):
    def flood(count):
        for number in range(count):
            room.admit(b"s", PATH.to(Peer(IPv4Address(0xC6120000 + number), 500)))

    room = AdmissionQueue(by_first_letter)
    flood(STRANGERS_A_TURN + MOST_WAITING + 7)
    assert room.dropped == 7
    with caplog.at_level(logging.WARNING):
        for now in (0.0, 1.0, BETWEEN_DROP_LINES - 1.0):
            list(room.turn(now))
            flood(STRANGERS_A_TURN + 1)
        list(room.turn(BETWEEN_DROP_LINES + 1.0))
    assert [record.args for record in caplog.records] == [(7,), (3,)]


def test_strangers_get_their_turn_when_the_flood_is_over():
    async def play():
        core = ScriptedCore(receive=lambda data, path: [Tell(Deferring(0))])
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
    assert turns <= 40 // STRANGERS_A_TURN + 1


def flood(client, count):
    """First messages of strangers, each from a port and with a cookie of its own, as the client's own one."""
    first = next(each.data for each in client.first if isinstance(each, Transmit))
    for number in range(count):
        cookie = (number + 1).to_bytes(8, "big")
        yield cookie + first[8:], Path(HERE, Peer(IPv4Address(0xC6120000 + number), 500))


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
    assert before == STRANGERS_A_TURN
    assert at_once == [STRANGERS_A_TURN + 1]
    assert in_one_turn == STRANGERS_A_TURN + 1
    assert dropped == FLOOD - STRANGERS_A_TURN - MOST_WAITING


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
    colleague = path.to(Peer(world._translate(Peer(client.address, 500)).address, 9))
    assert gateway.endpoint.standing(data, colleague) is Standing.KNOWN
    gateway.endpoint.receive(data, path, world.now)
    assert gateway.endpoint.standing(data, path) is Standing.UNDER_WAY
