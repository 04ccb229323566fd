"""A whole gateway obeys what its warden orders of its sessions."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address

import pytest

from far import PATIENCE, until
from lotor.ike import stale
from lotor.ike.events import Ended, Regranted
from lotor.model.kinds import Kind
from lotor.ports.orders import Changes, Whom, Why
from visiting import play

INSIDE = IPv4Address("10.99.99.1")


def ends(world):
    told = []
    world.gateway.listen(lambda event: told.append(event.reason.kind) if isinstance(event, Ended) else None)
    return told


@pytest.mark.parametrize("far", [False, True])
@pytest.mark.parametrize(
    ("whom", "why", "kind"),
    [
        (Whom(named="alice"), Why.LOGOUT, Kind.LOGGED_OUT),
        (Whom(inside=INSIDE), Why.LEASE_LOST, Kind.LEASE_LOST),
        (Whom(user="alice"), Why.SERVER, Kind.SERVER_DISCONNECT),
    ],
)
def test_a_session_ends_by_order_and_its_lease_is_given_back(directory, far, whom, why, kind):
    async def story(world):
        await world.vc("alice")
        told, warden = ends(world), world.wardens["gateway"]
        assert warden.holder(frozenset({INSIDE})) == "alice"
        assert await warden.orders.end(whom, why) == 1
        await world.settle()
        assert await warden.orders.end(whom, why) == 0
        return told, warden.holder(frozenset({INSIDE}))

    assert play(directory, story, far=far) == ([kind], None)


@pytest.mark.parametrize("far", [False, True])
def test_a_session_goes_on_with_what_a_server_has_changed(directory, far):
    async def story(world):
        await world.vc("alice")
        told, orders = [], world.wardens["gateway"].orders
        world.gateway.listen(lambda event: told.append(event.text()) if isinstance(event, Regranted) else None)
        assert await orders.change(Whom(user="alice"), Changes(session_time=3600.0, idle_time=60.0)) == 1
        assert await orders.change(Whom(inside=INSIDE), Changes(session_time=0.0)) == 1
        assert await orders.change(Whom(user="mallory"), Changes(session_time=1.0)) == 0
        (session,) = world.gateway.register.all()
        return told, session.grants.idle_time, session.grants.session_time, session.up

    told, *now = play(directory, story, far=far)
    assert told == [
        "alice goes on with other grants: session time 3600 s, idle time 60 s",
        "alice goes on with other grants: session time without end",
    ]
    assert now == [60.0, None, True]


def test_a_session_whose_peer_does_not_answer_when_it_is_asked_ends(directory, monkeypatch):
    monkeypatch.setattr(stale, "QUICK_SCHEDULE", (0.0,))

    async def story(world):
        await world.vc("alice")
        told, orders = ends(world), world.wardens["gateway"].orders
        world.air.deaf = True
        orders.probe(IPv4Address("10.99.99.2"))
        orders.probe(INSIDE)
        await asyncio.wait_for(until(lambda: told), PATIENCE)
        world.air.deaf = False
        return told

    assert play(directory, story) == [Kind.DEAD_PEER]


def test_a_session_whose_peer_answers_goes_on(directory, monkeypatch):
    monkeypatch.setattr(stale, "QUICK_SCHEDULE", (0.0, 3600.0))

    async def story(world):
        await world.vc("alice")
        told, orders = ends(world), world.wardens["gateway"].orders
        assert await orders.end(Whom(inside=INSIDE), Why.SILENT) == 1
        await world.settle()
        return tuple(told)  # as they are before the programs end

    assert play(directory, story) == ()
