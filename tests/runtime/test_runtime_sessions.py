"""The register, and the requests that wait."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from lotor.client.requests import ConnectRequest, Established, Requests
from lotor.ike.effects import Tell
from lotor.ike.events import ChildDown, PhaseOneUp, Renewed
from lotor.model.algorithms import Group
from lotor.model.child import Counters
from lotor.model.network import Peer
from lotor.model.reason import Cause
from lotor.model.reasons.local import NotBegun
from lotor.model.reasons.logins import WrongPassword
from lotor.runtime.sessions import Register
from scripted import BYE, CONFIGURATION, FLOATED, SUITE, ended, established, started


@pytest.fixture
def register():
    return Register(lambda: 1000.0)


def test_a_session_collects_what_its_events_say(register):
    for effect in [started(), *established()]:
        register.follow(effect.event)
    session = register.get(1)
    assert (session.user, session.up, session.suite, session.since) == ("alice", True, SUITE, 1000.0)
    assert session.configuration == CONFIGURATION
    assert list(session.children) == [1]


def test_traffic_survives_a_rekey(register):
    figures = {1: Counters(octets_in=10, packets_out=2, forged=1)}
    for effect in [started(), *established(), Tell(ChildDown(1, 1, BYE))]:
        register.follow(effect.event)
    session = register.get(1)
    assert session.traffic(figures).octets_in == 10  # the engine still counts for it
    session.removed(1, figures.pop(1))
    traffic = session.traffic({})
    assert (traffic.octets_in, traffic.packets_out, traffic.forged) == (10, 2, 1)


def test_an_ended_session_is_recalled_until_the_next_event_and_lives_no_more(register):
    register.follow(started().event)
    register.follow(ended().event)
    assert register.recall(1) is not None
    assert (register.get(1), register.all()) == (None, ())
    register.follow(started(2).event)
    assert register.recall(1) is None


def test_events_of_unknown_sessions_are_nothing(register):
    register.follow(established()[0].event)
    assert register.all() == ()


def test_a_request_ends_once_up_or_with_the_reason():
    async def play():
        requests = Requests()
        good, bad, never = (requests.new(ConnectRequest()) for _ in range(3))
        requests.follow(started(1, request=good).event)
        requests.follow(started(2, request=bad).event)
        requests.ready(1)
        refused = WrongPassword("alice")
        requests.follow(ended(2, refused).event)
        requests.follow(ended(1).event)
        requests.fail(never, NotBegun())
        return await requests.outcome(good), await requests.outcome(bad), await requests.outcome(never)

    good, bad, never = asyncio.run(play())
    assert good == Established(1)
    assert bad.cause is Cause.LOGIN_REFUSED
    assert never.cause is Cause.LOCAL_FAULT


def test_a_renewal_keeps_the_session_and_takes_what_the_attempt_learned(register):
    moved = replace(FLOATED, remote=Peer(IPv4Address("192.0.2.50"), 4501))
    better = replace(SUITE, group=Group.MODP2048)
    for effect in [started(), *established(), started(2)]:
        register.follow(effect.event)
    register.follow(PhaseOneUp(2, moved, better, "gw2.example.net", "no NAT", "03:04", "dpd"))
    register.follow(Renewed(1, 2, moved, better, "03:04"))
    session = register.get(1)
    assert (session.path, session.suite, session.cookies) == (moved, better, "03:04")
    assert session.ike == 1
    assert (session.peer, session.nat, session.vendor) == ("gw2.example.net", "no NAT", "dpd")
    assert (session.user, session.up, list(session.children)) == ("alice", True, [1])
    assert register.get(2) is None


def test_a_renewal_inside_of_a_session_of_ikev2_has_no_attempt_of_its_own(register):
    moved = replace(FLOATED, remote=Peer(IPv4Address("192.0.2.50"), 4501))
    for effect in [started(), *established()]:
        register.follow(effect.event)
    register.get(1).ike = 2
    before = register.get(1).peer
    register.follow(Renewed(1, 2, moved, SUITE, "03:04"))
    session = register.get(1)
    assert (session.path, session.suite, session.cookies, session.peer) == (moved, SUITE, "03:04", before)


def test_a_renewal_of_an_unknown_session_or_attempt_is_nothing(register):
    register.follow(Renewed(1, 2, FLOATED, SUITE, "03:04"))
    assert register.all() == ()
    for effect in [started(), *established()]:
        register.follow(effect.event)
    register.follow(Renewed(1, 9, FLOATED, SUITE, "03:04"))
    assert register.get(1).cookies == "01:02"
