"""Hundreds of seeded logins by IKEv2 through a bad network: nearly all connect, none hangs, none storms, and none has a
child before a proof."""

from __future__ import annotations

import gc
import os

import pytest

from lotor.ike.events import ChildUp, Ended
from lotor.ike.intents import Disconnect
from lotor.ike.questions import AcquireConfiguration, CheckMschap, Install, ReserveSpi
from lotor.ike.v2 import exchanges
from lotor.ike.v2.session import V2Session
from lotor.model.algorithms import EapMethod
from lotor.model.reason import Cause
from lotor.model.reasons.ends import ClosedHere
from peers.auth import client_policy, gateway_policy
from peers.campaign import FAULTS, Campaign, login
from peers.world import CheapRandomness, connect, pair

RUNS = int(os.environ.get("LOTOR_V2_LOGINS", "300"))
"""Seeds; `LOTOR_V2_LOGINS=1000` runs as many as IKEv2 was accepted with."""

GATEWAY, CLIENT = gateway_policy(eap=(EapMethod.MSCHAPV2,)), client_policy(eap=(EapMethod.MSCHAPV2,))


def begin(seed: int):
    return login(seed, 400, "gw.example.org", gateway=GATEWAY, client=CLIENT)


def no_step_was_skipped(gateway) -> None:
    """Addresses and children are for sessions that a back end said yes to, and nothing is asked of it twice."""
    for kind in (AcquireConfiguration, ReserveSpi):
        assert {each.session for each in gateway.questions if isinstance(each, kind)} <= gateway.accepted
    assert {each.child.session for each in gateway.questions if isinstance(each, Install)} <= gateway.accepted
    assert {event.session for event in gateway.of(ChildUp)} <= gateway.accepted
    asked = [each.session for each in gateway.questions if isinstance(each, CheckMschap)]
    assert len(asked) == len(set(asked)), "a request that waits for a back end is not begun twice"


def test_logins_in_a_bad_network():
    campaign = Campaign(RUNS)
    campaign.run(begin, no_step_was_skipped)
    campaign.keeps(0.99)


def test_sessions_that_do_not_come_up_leave_nothing():
    world, gateway, client = pair(5, CheapRandomness, gateway=GATEWAY, client=CLIENT, loss=1.0)
    connect(world, client, gateway)
    assert world.run(300, lambda: bool(client.of(Ended)))
    assert client.of(Ended)[0].reason.text.startswith("no answer from 192.0.2.50 after")
    assert client.endpoint.deadline() is None


def test_a_session_that_is_over_is_freed_at_once():
    """Nothing that refers to it waits for the collector of circles."""
    gc.collect()
    gc.disable()
    try:
        world, gateway, client, _ = begin(3)
        world.network.loss = 0.0
        world.run(5)
        world.do(client, client.endpoint.command(Disconnect(client.of(ChildUp)[0].session, ClosedHere()), world.now))
        world.run(100)
        kinds = V2Session | exchanges.PeerExchange | exchanges.OwnExchange
        assert [type(each).__name__ for each in gc.get_objects() if isinstance(each, kinds)] == []
        assert gateway.of(Ended)
    finally:
        gc.enable()


@pytest.mark.parametrize("seed", range(20))
def test_after_a_login_and_a_logout_nothing_is_left(seed):
    world, gateway, client, done = begin(seed)
    assert done
    world.run(1)
    for number in [each.session for each in client.of(ChildUp)][:1]:
        world.do(client, client.endpoint.command(Disconnect(number, ClosedHere()), world.now))
    world.network.loss = 0.0
    assert world.run(200, lambda: bool(gateway.of(Ended)))
    world.run(60)
    for host in (client, gateway):
        assert host.endpoint._sessions.by_id == host.endpoint._sessions.by_cookie == {}
        assert host.installed == {}
    assert gateway.leases == {}


@pytest.mark.parametrize("seed", range(20))
def test_a_refusal_arrives_though_it_was_lost_at_first(seed):
    """A person with a wrong password learns that, and is not left to wait for a gateway that says nothing."""
    world, gateway, client = pair(seed, CheapRandomness, gateway=GATEWAY, client=CLIENT, **FAULTS)
    client.login = ("alice", "looking-glass")
    connect(world, client, gateway, "gw.example.org")
    assert world.run(100, lambda: bool(client.of(Ended)))
    assert client.of(Ended)[0].reason.cause is Cause.LOGIN_REFUSED
