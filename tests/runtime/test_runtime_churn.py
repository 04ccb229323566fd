"""Nothing stays of clients that came and went: objects of lotor are counted after some visits and after many more."""

from __future__ import annotations

import gc
import logging
from collections import Counter
from dataclasses import replace

import pytest

from lotor.client.requests import Requests
from lotor.explain.attempts import MOST_WELL, Attempts
from lotor.ike.events import Ended, Renewed, Up
from lotor.ike.intents import Disconnect
from lotor.model.reasons.catalogue import CLASSES
from lotor.runtime.journal import Journal
from lotor.runtime.sessions import Register
from peers.world import CLIENT, GATEWAY, connect, is_up, pair
from scripted import BYE

FORGOTTEN_AFTER = 120.0
"""Seconds: longer than any of the clocks that a session leaves behind."""
LIFE = 300
"""Seconds of a phase 1 that is renewed."""


class Runtime:
    """Those who follow a gateway's events, in the daemon's order."""

    def __init__(self, gateway):
        register = Register()
        attempts, journal, requests = Attempts(), Journal(lambda seconds, call: None), Requests()
        self.followers = (
            register.follow,
            attempts.follow,
            journal.follow,
            requests.follow,
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
        clear(world, gateway, client)


def clear(world, *hosts):
    """What the tests themselves keep."""
    for host in hosts:
        host.events.clear()
        host.questions.clear()
        host.tickets.clear()
        host.withdrawn.clear()
    world.wire.clear()


def living(*hosts):
    """Objects of lotor by their kind, and all containers together; alarms that were cancelled are swept before."""
    gc.collect()
    return kinds(*hosts), len(gc.get_objects())


def kinds(*hosts):
    for host in hosts:
        host.endpoint._context.timers._sweep()
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
    assert not gateway.endpoint._context._open


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


@pytest.fixture
def quiet(caplog):
    """No journal, and the garbage collector sleeps: a busy gateway keeps as many dead sessions as may pile up before it
    comes, which is a quarter of all that it has."""
    caplog.set_level(logging.CRITICAL)
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def grown(before, after):
    kept = {"lotor.explain.attempts.Attempt", *(f"{each.__module__}.{each.__name__}" for each in CLASSES.values())}
    return {
        name: after[name] - before.get(name, 0) for name in after if after[name] > before.get(name, 0)
    }.keys() - kept


@pytest.mark.usefixtures("quiet")
def test_a_session_that_ended_waits_for_no_garbage_collector():
    world, gateway, client = pair(4)
    runtime = Runtime(gateway)
    play(world, gateway, client, runtime, 2)
    before = kinds(gateway, client)
    play(world, gateway, client, runtime, 3)
    assert not grown(before, kinds(gateway, client))


@pytest.mark.usefixtures("quiet")
def test_a_refused_login_waits_for_no_garbage_collector():
    world, gateway, client = pair(5)
    gateway.users = ()
    runtime = Runtime(gateway)
    seen = []
    for _ in range(5):
        connect(world, client, gateway)
        assert world.run(60, lambda: bool(client.of(Ended) and gateway.of(Ended)))
        world.run(FORGOTTEN_AFTER)
        runtime.follow(gateway)
        clear(world, gateway, client)
        seen.append(kinds(gateway, client))
    assert not grown(seen[1], seen[4])


@pytest.mark.usefixtures("quiet")
def test_a_phase_one_that_was_renewed_waits_for_no_garbage_collector():
    short = {side: replace(side, proposals=(replace(side.proposals[0], lifetime=LIFE),)) for side in (GATEWAY, CLIENT)}
    world, gateway, client = pair(6, gateway=short[GATEWAY], client=short[CLIENT])
    runtime = Runtime(gateway)
    connect(world, client, gateway)
    seen = []
    for _ in range(3):
        world.run(3 * LIFE)
        assert len(gateway.of(Renewed)) >= 2
        runtime.follow(gateway)
        clear(world, gateway, client)
        seen.append(kinds(gateway, client))
    assert not grown(seen[1], seen[2])
