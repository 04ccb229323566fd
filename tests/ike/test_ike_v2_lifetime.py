"""The time that a login grants, as it changes while its session is up: when the client logs in anew (RFC 4478)."""

from __future__ import annotations

import pytest

from lotor.ike.events import Ended, Renewed
from lotor.ike.intents import Regrant
from lotor.ike.questions import CheckLogin
from lotor.ike.v2 import upkeep, voice
from lotor.ike.v2.granting import LEAST_LOGIN_S
from lotor.model.algorithms import EapMethod
from lotor.model.grants import Grants
from lotor.model.login import Accepted
from lotor.wire.v2.numbers import NotifyType
from lotor.wire.v2.payloads import Notification
from peers.auth import client_policy, gateway_policy
from peers.world import connect, is_up, pair


def timed(seconds):
    """A back end that grants every login so much time."""
    return lambda asked: Accepted(asked.attempt.user, Grants(session_time=seconds))


def regrant(world, gateway, seconds):
    """A server behind the gateway changes the time of its only session."""
    (session,) = gateway.endpoint._sessions.by_id
    world.do(gateway, gateway.endpoint.command(Regrant(session, Grants(session_time=seconds), timed=True), world.now))


def connected_for(seconds):
    world, gateway, client = pair(gateway=gateway_policy(eap=(EapMethod.GTC,)), client=client_policy())
    gateway.answers[CheckLogin] = timed(seconds)
    connect(world, client, gateway, "gw.example.org")
    assert world.run(10, lambda: is_up(client) and is_up(gateway))
    world.run(10)
    return world, gateway, client


@pytest.mark.parametrize("renewed", [False, True])
@pytest.mark.parametrize(("seconds", "expected"), [(100, 80), (2000, 1600), (1, LEAST_LOGIN_S)])
def test_a_client_hears_of_a_time_that_changes(seconds, expected, renewed):
    """Sooner and later than it was to log in again; also where the session has got other keys."""
    world, gateway, client = connected_for(1000.0)
    gateway.answers[CheckLogin] = timed(5000.0)
    if renewed:
        (session,) = client.endpoint._sessions.by_id.values()
        upkeep.renew(session, world.now)
        world.do(client, client.endpoint._context.drain())
        world.run(10)
    regrant(world, gateway, float(seconds))
    begun, before = world.now, len(client.of(Renewed))
    assert world.run(3000, lambda: len(client.of(Renewed)) > before) == (seconds > LEAST_LOGIN_S)
    if seconds > LEAST_LOGIN_S:
        assert world.now - begun == pytest.approx(expected, abs=2)
        world.run(900)
        assert len(client.of(Renewed)) == before + 1, "nor when the first login would have been over"
        assert gateway.of(Ended) == []


def test_a_time_that_is_taken_back_is_heard_of_too():
    world, gateway, client = connected_for(1000.0)
    regrant(world, gateway, None)
    world.run(50_000)
    assert client.of(Renewed) == gateway.of(Ended) == []


@pytest.mark.parametrize("data", [b"", b"\0\0\0", b"\0\0\0\0\1"])
def test_a_time_that_is_none_changes_nothing(data):
    world, gateway, client = connected_for(1000.0)
    (session,) = gateway.endpoint._sessions.by_id.values()
    voice.say(session, Notification(NotifyType.AUTH_LIFETIME, data), now=world.now)
    world.do(gateway, gateway.endpoint._context.drain())
    world.run(700)
    assert client.of(Renewed) == []
    assert world.run(100, lambda: bool(client.of(Renewed)))


def test_a_client_tells_a_gateway_no_time():
    world, gateway, client = connected_for(1000.0)
    (session,) = client.endpoint._sessions.by_id.values()
    voice.say(session, Notification(NotifyType.AUTH_LIFETIME, bytes(4)), now=world.now)
    world.do(client, client.endpoint._context.drain())
    world.run(60)
    assert len(gateway.of(Renewed)) == len(client.of(Renewed)) == 0
