"""Nothing stays of clients that came and went: objects of lotor are counted after some visits and after many more."""

from __future__ import annotations

import gc
import logging
from collections import Counter

import pytest

from lotor.ike.events import Up
from lotor.ike.intents import Disconnect
from lotor.runtime.attempts import MOST_WELL, Attempts
from lotor.runtime.journal import Journal
from lotor.runtime.requests import Requests
from lotor.runtime.sessions import Register
from lotor.runtime.waiting import WaitingRoom
from peers.world import connect, is_up, pair
from scripted import BYE, RecordingDataPlane

FORGOTTEN_AFTER = 120.0
"""Seconds: longer than any of the clocks that a session leaves behind."""


class Runtime:
    """Those who follow a gateway's events, in the daemon's order."""

    def __init__(self, gateway):
        register = Register(RecordingDataPlane())
        attempts, journal, requests = Attempts(), Journal(lambda seconds, call: None), Requests()
        waiting = WaitingRoom(gateway.endpoint.standing)
        self.followers = (
            waiting.follow,
            register.follow,
            attempts.follow,
            journal.follow,
            requests.follow,
            register.ended,
        )

    def follow(self, host):
        for event in host.events:
            for follower in self.followers:
                follower(event)


def visit(world, gateway, client):
    connect(world, client, gateway)
    assert world.run(60, lambda: is_up(client) and is_up(gateway))
    session = client.of(Up)[-1].session
    world.do(client, client.endpoint.command(Disconnect(session, BYE), world.now))
    world.run(FORGOTTEN_AFTER)


def play(world, gateway, client, runtime, visits):
    for _ in range(visits):
        visit(world, gateway, client)
        runtime.follow(gateway)
        for host in (gateway, client):
            host.events.clear()
            host.questions.clear()
        world.wire.clear()


def living(*hosts):
    """Objects of lotor by their kind, and all containers together; alarms that were cancelled are swept before."""
    gc.collect()
    return kinds(*hosts), len(gc.get_objects())


def kinds(*hosts):
    for host in hosts:
        host.endpoint._desk.timers._sweep()
    found = Counter(f"{type(each).__module__}.{type(each).__qualname__}" for each in gc.get_objects())
    return {name: number for name, number in found.items() if name.startswith("lotor.")}


@pytest.mark.parametrize("seed", [1, 2])
def test_visits_leave_no_objects_behind(seed, caplog):
    caplog.set_level(logging.CRITICAL)
    world, gateway, client = pair(seed)
    runtime = Runtime(gateway)
    play(world, gateway, client, runtime, MOST_WELL + 10)
    before, all_before = living(gateway, client)
    play(world, gateway, client, runtime, 60)
    after, all_after = living(gateway, client)
    assert {name: number for name, number in after.items() if number > before.get(name, 0)} == {}
    assert all_after < all_before + 60
    assert not gateway.endpoint._sessions.by_id
    assert not gateway.endpoint._sessions.by_cookie
    assert not gateway.endpoint._sessions.strangers
    assert not gateway.endpoint._desk._open


def test_the_count_would_see_one_object_for_each_visit():
    """The measure itself: what is kept on purpose shows."""
    world, gateway, client = pair(3)
    kept = []
    runtime = Runtime(gateway)
    runtime.followers += (kept.append,)
    play(world, gateway, client, runtime, 3)
    before, _ = living()
    play(world, gateway, client, runtime, 3)
    after, _ = living()
    assert after["lotor.ike.events.Up"] == before["lotor.ike.events.Up"] + 3


def test_a_session_that_ended_waits_for_no_garbage_collector(caplog):
    """Else a busy gateway keeps as many dead sessions as the collector lets pile up: a quarter of all that it has."""
    caplog.set_level(logging.CRITICAL)
    world, gateway, client = pair(4)
    runtime = Runtime(gateway)
    play(world, gateway, client, runtime, 2)
    before, _ = living(gateway, client)
    gc.disable()
    try:
        play(world, gateway, client, runtime, 3)
        after = kinds(gateway, client)
    finally:
        gc.enable()
    kept = {"lotor.runtime.attempts.Attempt", "lotor.model.reason.Reason"}
    grown = {name: number - before.get(name, 0) for name, number in after.items() if number > before.get(name, 0)}
    assert {name: number for name, number in grown.items() if name not in kept} == {}
