"""A client that comes in without an SA pair, and asks for its first one afterwards (RFC 6023)."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network

import pytest

from lotor.ike.events import ChildUp, Configured, Dropped, Ended, Renewed, Up
from lotor.ike.intents import ChildExpired
from lotor.ike.questions import AcquireConfiguration, AdmitConfiguration, Install
from lotor.ike.v2 import announce
from lotor.model.algorithms import EspSuite, Group
from lotor.model.judgement import Failure
from lotor.model.policy import ChildPolicy, Policy
from lotor.model.reasons.local import EngineFault
from lotor.model.reasons.proofs import ChildRefused
from lotor.wire.header import Header
from lotor.wire.v2.numbers import ExchangeType, NotifyType
from lotor.wire.v2.payloads import Notification
from peers.auth import client_policy, gateway_policy
from peers.campaign import Campaign, login
from peers.frame import sessions
from peers.world import CHILD, CONFIGURATION, connect, is_up, pair

SPLIT = IPv4Network("10.0.12.0/24")
PFS = replace(CHILD, pfs_group=Group.CURVE25519)


def two(here: ChildPolicy = CHILD, there: ChildPolicy = CHILD):
    world, gateway, client = pair(gateway=gateway_policy(), client=client_policy(childless=True))
    for host, policy in ((client, here), (gateway, there)):
        host.policy = Policy(host.policy.remotes, policy)
        host.__post_init__()
    return world, gateway, client


def up(world, client, gateway, seconds: float = 60) -> bool:
    connect(world, client, gateway, "gw.example.org")
    return world.run(seconds, lambda: is_up(client) and is_up(gateway))


def exchanges(world) -> list[int]:
    """Of all messages, in their order, each kind once in a row."""
    found = [Header.decode(data).exchange for *_, data in world.wire]
    return [each for place, each in enumerate(found) if place == 0 or each != found[place - 1]]


def test_the_pair_has_an_exchange_of_its_own():
    world, gateway, client = two()
    assert up(world, client, gateway)
    assert exchanges(world)[:3] == [ExchangeType.IKE_SA_INIT, ExchangeType.IKE_AUTH, ExchangeType.CREATE_CHILD_SA]
    assert [each.exchange for host in (client, gateway) for one in sessions(host) for each in one.children] == [2, 2]
    assert len(client.installed) == len(gateway.installed) == 1
    assert client.of(Configured)[0].configuration.address == CONFIGURATION.address
    assert [len(host.of(Up)) for host in (client, gateway)] == [1, 1]


def test_its_keys_have_an_exchange_of_their_own_with_pfs():
    world, gateway, client = two(PFS, PFS)
    assert up(world, client, gateway)
    assert [each.group for host in (client, gateway) for one in sessions(host) for each in one.children] == [
        Group.CURVE25519,
        Group.CURVE25519,
    ]


def test_at_a_gateway_that_does_not_know_it_the_pair_comes_at_once(monkeypatch):
    monkeypatch.setattr(announce, "of_responder", lambda *_: ())
    world, gateway, client = two()
    assert up(world, client, gateway)
    assert ExchangeType.CREATE_CHILD_SA not in exchanges(world)


def test_the_host_hears_where_the_pair_leads():
    """The networks of the gateway's selectors are known with the pair, and admitted before it is installed."""
    world, gateway, client = two()
    gateway.answers[AcquireConfiguration] = lambda _: replace(CONFIGURATION, split_include=(SPLIT,))
    assert up(world, client, gateway)
    asked = [each for each in client.questions if isinstance(each, AdmitConfiguration | Install)]
    assert [type(each) for each in asked] == [AdmitConfiguration, Install]
    assert asked[0].configuration.split_include == (SPLIT,)
    assert asked[1].child.remote_networks == (SPLIT,)


def test_what_the_host_does_not_take_ends_it_at_both_ends():
    world, gateway, client = two()
    client.answers[AdmitConfiguration] = lambda _: Failure(EngineFault("no such device"))
    assert not up(world, client, gateway)
    assert client.of(Ended)[0].reason == EngineFault("no such device")
    assert len(gateway.of(Ended)) == 1
    assert not client.installed
    assert not gateway.installed
    assert not gateway.leases


@pytest.mark.parametrize("error", [NotifyType.NO_PROPOSAL_CHOSEN, NotifyType.TS_UNACCEPTABLE, 8199])
def test_a_gateway_that_refuses_the_pair_gets_a_goodbye(monkeypatch, error):
    """And the reason is the end of the session, also where nobody knows that error."""
    world, gateway, client = two()
    refused = Notification(error)
    monkeypatch.setattr("lotor.ike.v2.create_child.responder", lambda *_: refusing(refused))
    assert not up(world, client, gateway)
    assert isinstance(client.of(Ended)[0].reason, ChildRefused)
    assert len(gateway.of(Ended)) == 1
    assert not gateway.leases


def refusing(note):
    yield from ()
    return (note,)


def test_no_common_proposal_is_refused_and_said():
    other = replace(CHILD, suites=(EspSuite(CHILD.suites[0].cipher, 256, CHILD.suites[0].integrity),))
    world, gateway, client = two(here=other)
    assert not up(world, client, gateway)
    assert "NO_PROPOSAL_CHOSEN" in client.of(Ended)[0].reason.text
    assert [each.what for each in gateway.of(Dropped)] == ["CREATE_CHILD_SA"]


def test_a_gateway_that_falls_silent_behind_the_proof_ends_it():
    world, gateway, client = two()
    connect(world, client, gateway, "gw.example.org")
    assert world.run(20, lambda: bool(gateway.leases))
    del world.hosts[gateway.address]
    assert world.run(400, lambda: bool(client.of(Ended)))
    assert client.of(Up) == []
    assert not client.installed


def test_a_login_anew_has_a_pair_of_its_own_too():
    world, gateway, client = two()
    assert up(world, client, gateway)
    (session,) = sessions(client)
    session.registry.renew(session, world.now)
    world.do(client, client.endpoint._context.drain())
    assert world.run(20, lambda: len(client.of(ChildUp)) == len(gateway.of(ChildUp)) == 2)
    world.run(20)
    for host in (client, gateway):
        assert [len(host.of(each)) for each in (Up, Renewed, Ended)] == [1, 1, 0]
        assert len(host.installed) == 1
    assert len(gateway.leases) == 1


def test_a_pair_that_was_asked_for_is_renewed_like_any_other():
    world, gateway, client = two()
    assert up(world, client, gateway)
    (session,) = sessions(client)
    (first,) = session.children
    world.do(client, client.endpoint.command(ChildExpired(first.child.id, hard=False), world.now))
    assert world.run(30, lambda: len(client.of(ChildUp)) == len(gateway.of(ChildUp)) == 2)


def test_logins_in_a_bad_network():
    def begin(seed: int):
        return login(seed, 400, "gw.example.org", gateway=gateway_policy(), client=client_policy(childless=True))

    def at_most_one(gateway) -> None:
        installed = [each.child.session for each in gateway.questions if isinstance(each, Install)]
        assert set(installed) <= gateway.accepted
        assert len(installed) == len(set(installed)), "a copy of the request makes no other pair"

    campaign = Campaign(12)
    campaign.run(begin, at_most_one)
    campaign.keeps(0.99)
