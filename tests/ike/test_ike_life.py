"""A client that has a reason to doubt its session asks the gateway at once: only a proved answer counts."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from lotor.ike.events import Dead, Doubted, Ended, PathChanged, PhaseOneUp, Up
from lotor.ike.intents import Check
from lotor.model.network import Peer
from lotor.model.policy import Dpd
from lotor.model.reason import Cause
from lotor.wire.header import Header
from lotor.wire.v1.chain import build_chain, build_message
from lotor.wire.v1.numbers import ExchangeType, NotifyType
from lotor.wire.v1.payloads import Notification
from peers.world import CLIENT, connect, is_up, pair

ELSEWHERE = IPv4Address("203.0.113.77")


def _up(**changes):
    world, gateway, client = pair(**changes)
    connect(world, client, gateway)
    assert world.run(30, lambda: is_up(client) and is_up(gateway))
    world.run(1)
    return world, gateway, client


def _path(client):
    return client.of(Up)[0].path


def _check(world, client, path=None):
    number = client.of(PhaseOneUp)[0].session
    world.do(client, client.endpoint.command(Check(number, path or _path(client)), world.now))


def _move(world, client, address=ELSEWHERE):
    """The client has another address from now on, and says so."""
    old = _path(client)
    world.hosts[address] = world.hosts.pop(client.address)
    world.nat[address] = IPv4Address("203.0.113.2")
    client.address = address
    _check(world, client, replace(old, local=Peer(address, old.local.port)))


def test_a_client_with_another_address_keeps_its_session_and_the_gateway_follows():
    world, gateway, client = _up()
    began = world.now
    _move(world, client)
    assert world.run(1, lambda: bool(gateway.of(PathChanged)))
    assert client.of(PathChanged)[0].children == tuple(client.installed), "the engine sends from the new address"
    assert gateway.of(PathChanged)[0].new.remote.address == IPv4Address("203.0.113.2")
    assert world.now - began < 0.2
    world.run(5)
    assert not client.of(Ended)
    assert not gateway.of(Ended)


def test_a_gateway_that_does_not_answer_is_dead_within_moments():
    world, gateway, client = _up()
    del world.hosts[gateway.address]
    _check(world, client)
    assert world.run(2, lambda: bool(client.of(Ended)))
    assert client.of(Ended)[0].reason.cause is Cause.DEAD_PEER
    assert len(client.of(Dead)) == 1, "phase1_dead is told once"


def test_traffic_is_a_sign_of_life_as_well():
    world, gateway, client = _up()
    del world.hosts[gateway.address]
    world.later(0.5, lambda: setattr(client, "last_inbound", world.now))
    _check(world, client)
    world.run(3)
    assert not client.of(Ended)


def test_one_question_at_a_time():
    world, _, client = _up()
    before = client.sent
    for _ in range(50):
        _check(world, client)
    world.run(3)
    assert client.sent - before <= 4


def test_a_gateway_that_cannot_be_asked_is_left_alone():
    world, gateway, client = _up(client=replace(CLIENT, dpd=Dpd(announce=False)))
    del world.hosts[gateway.address]
    _check(world, client)
    world.run(5)
    assert not client.of(Ended)


def test_a_check_before_the_session_is_up_does_nothing():
    world, _, client = pair()
    path = replace(_path(_up()[2]), floated=False)
    world.do(client, client.endpoint.command(Check(1, path), world.now))
    assert not client.sent


@pytest.mark.parametrize(
    ("notify", "doubted"),
    [(NotifyType.INVALID_COOKIE, 1), (NotifyType.INVALID_SPI, 1), (NotifyType.NO_PROPOSAL_CHOSEN, 0)],
)
def test_what_anybody_may_say_in_clear_is_a_hint_that_ends_nothing(notify, doubted):
    world, gateway, client = _up()
    (session,) = client.endpoint._sessions.by_id.values()
    header = Header(session.spis.initiator, session.spis.responder, 0, ExchangeType.INFORMATIONAL, 0, 7)
    forged = build_message(header, *build_chain([Notification(notify)]))
    path = _path(client)
    world.do(client, client.endpoint.receive(forged, path, world.now))
    assert len(client.of(Doubted)) == doubted
    world.run(5)
    assert not client.of(Ended)
    _check(world, client)
    world.run(5)
    assert not client.of(Ended), "the gateway's own answer counts"
    assert not gateway.of(Ended)


def test_only_the_clients_side_doubts():
    world, gateway, client = _up()
    (session,) = gateway.endpoint._sessions.by_id.values()
    header = Header(session.spis.initiator, session.spis.responder, 0, ExchangeType.INFORMATIONAL, 0, 7)
    forged = build_message(header, *build_chain([Notification(NotifyType.INVALID_COOKIE)]))
    world.do(gateway, gateway.endpoint.receive(forged, gateway.of(Up)[0].path, world.now))
    assert not gateway.of(Doubted)
    assert not client.of(Ended)
