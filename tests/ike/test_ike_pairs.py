"""How many SA pairs one peer may have: a newer one takes the place of the older, and no session has hundreds."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network, ip_network

import pytest

from lotor.ike.children import MOST_NETWORKS, MOST_PAIRS, Selectors
from lotor.ike.events import ChildDown, ChildUp, Dropped, Ended
from lotor.ike.intents import ChildExpired, Disconnect
from lotor.ike.v1 import child_rekey, sa_pairs
from lotor.model.reasons.ends import ClosedHere
from peers.world import CLIENT, GATEWAY, connect, is_up, pair

WITHIN = 30.0
"""Seconds after which nothing is left of a pair that was replaced."""


def _up():
    world, gateway, client = pair(gateway=GATEWAY, client=replace(CLIENT, dpd=replace(CLIENT.dpd, delay=0)))
    connect(world, client, gateway)
    assert world.run(120, lambda: is_up(client) and is_up(gateway))
    return world, gateway, client


def _ask(world, gateway, client, network):
    """The client asks for one more pair; whether it got it."""
    session = client.endpoint._sessions.by_id[1]
    lease = next(iter(client.installed.values())).local_networks[0]
    before = len(gateway.of(ChildUp)), len(gateway.of(Dropped))
    sa_pairs.start(session, Selectors(lease, network), None, world.now)
    world.do(client, client.endpoint.tick(world.now))
    assert world.run(10, lambda: (len(gateway.of(ChildUp)), len(gateway.of(Dropped))) != before)
    return len(gateway.of(ChildUp)) > before[0]


def test_f10_a_client_has_eight_networks_and_no_more():
    world, gateway, client = _up()
    got = [_ask(world, gateway, client, ip_network(f"10.{number}.0.0/16")) for number in range(1, 200)]
    assert got.count(True) == MOST_NETWORKS - 1
    assert got[:MOST_NETWORKS] == [True] * (MOST_NETWORKS - 1) + [False]
    assert len(gateway.installed) == MOST_NETWORKS
    assert "8 networks" in gateway.of(Dropped)[-1].text()
    assert not gateway.of(Ended)


def test_f10_who_has_eight_networks_still_renews_each():
    world, gateway, client = _up()
    for number in range(1, MOST_NETWORKS):
        assert _ask(world, gateway, client, ip_network(f"10.{number}.0.0/16"))
    for child in tuple(client.installed):
        world.do(client, client.endpoint.command(ChildExpired(child, hard=False), world.now))
    assert world.run(10, lambda: len(gateway.of(ChildUp)) == 2 * MOST_NETWORKS)
    world.run(WITHIN)
    assert len(gateway.installed) == len(client.installed) == MOST_NETWORKS


def test_f10_a15_a_thousand_quick_modes_of_one_network_leave_a_handful_of_pairs():
    world, gateway, client = _up()
    everywhere = IPv4Network("0.0.0.0/0")
    most = 0
    for _ in range(1000):
        assert _ask(world, gateway, client, everywhere)
        most = max(most, len(gateway.installed))
    assert most <= MOST_PAIRS
    world.run(WITHIN + 10)
    newest = gateway.of(ChildUp)[-1].child
    assert list(gateway.installed) == [newest.id]
    assert [child.outbound.spi for child in client.installed.values()] == [newest.inbound.spi]
    assert not gateway.of(Ended)


def test_f10_the_end_of_a_session_with_many_pairs_looks_at_each_once():
    world, gateway, client = _up()
    for number in range(1, MOST_NETWORKS):
        _ask(world, gateway, client, ip_network(f"10.{number}.0.0/16"))
    asked = len(gateway.questions)
    world.do(gateway, gateway.endpoint.command(Disconnect(1, ClosedHere()), world.now))
    assert len(gateway.of(ChildDown)) == MOST_NETWORKS
    assert len(gateway.questions) == asked
    assert not gateway.endpoint._context.owners


@pytest.mark.parametrize("lost", [False, True])
def test_f10_what_a_client_replaced_itself_is_deleted_though_it_says_nothing(lost):
    """The client goes on with its new pair and never deletes the old one, as many do; nobody acknowledges a delete."""
    world, gateway, client = _up()
    (old,) = gateway.installed
    assert _ask(world, gateway, client, IPv4Network("0.0.0.0/0"))
    world.network.loss = 1.0 if lost else 0.0
    begun = world.now
    assert world.run(WITHIN + 1, lambda: old not in gateway.installed)
    assert child_rekey.SUCCEEDED_CHILD_LINGER_S <= world.now - begun <= WITHIN
    assert len(gateway.installed) == 1


def test_f10_the_older_pair_stays_where_the_newer_one_went():
    """Both ends may have begun one at once, and the other end may have taken its own back."""
    world, gateway, client = _up()
    (old,) = gateway.installed
    assert _ask(world, gateway, client, IPv4Network("0.0.0.0/0"))
    newer = client.of(ChildUp)[-1].child
    world.do(client, client.endpoint.command(ChildExpired(newer.id, hard=True), world.now))
    world.run(1, lambda: len(gateway.installed) == 1)
    assert old in gateway.installed
    world.run(2 * WITHIN, lambda: old not in gateway.installed)
    assert old in gateway.installed
