"""Banned networks: their first messages cost nothing and get nothing, but where somebody was logged in lately."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from lotor.explain.attempts import Attempts
from lotor.explain.remedies import remedy
from lotor.ike.events import Dropped, Started, Up
from lotor.ike.intents import Disconnect, Shun
from lotor.ike.shunned import Shunned
from lotor.model.kinds import Kind
from lotor.model.reasons.ends import ClosedHere
from peers.world import connect, is_up, pair

EVERYBODY = (ip_network("0.0.0.0/0"),)


def shun(world, gateway, networks):
    world.do(gateway, gateway.endpoint.command(Shun(networks), world.now))


def test_a_stranger_from_a_banned_network_costs_no_key_exchange_and_is_explained():
    world, gateway, client = pair()
    shun(world, gateway, EVERYBODY)
    connect(world, client, gateway)
    assert not world.run(30, lambda: is_up(client))
    assert gateway.sent == 0
    assert not gateway.of(Started)
    tally = gateway.endpoint.admissions()
    assert tally.shunned == len(gateway.of(Dropped)) > 1
    assert (tally.at_once, tally.repeated, tally.deferred) == (0, 0, 0)
    attempts = Attempts()
    for each in gateway.events:
        attempts.follow(each)
    (attempt,) = attempts._door.values()
    assert attempt.reason.kind is Kind.ADDRESS_BANNED
    assert "lotor ban list" in remedy(attempt)


def test_a_ban_that_is_over_is_over():
    world, gateway, client = pair()
    shun(world, gateway, EVERYBODY)
    connect(world, client, gateway)
    world.run(3)
    shun(world, gateway, ())
    assert world.run(60, lambda: is_up(client) and is_up(gateway))


def test_sessions_stay_and_where_somebody_was_logged_in_the_login_says_why():
    """A renewal, and a colleague behind the same NAT: the warden refuses, with words."""
    world, gateway, client = pair()
    connect(world, client, gateway)
    assert world.run(30, lambda: is_up(client) and is_up(gateway))
    shun(world, gateway, EVERYBODY)
    world.run(60)
    assert is_up(gateway)
    world.do(client, client.endpoint.command(Disconnect(client.of(Up)[0].session, ClosedHere()), world.now))
    world.run(5)
    connect(world, client, gateway)
    assert world.run(30, lambda: len(gateway.of(Up)) == 2)
    assert gateway.endpoint.admissions().shunned == 0


@pytest.mark.parametrize(
    ("address", "there"),
    [
        ("192.0.2.7", True),
        ("192.0.2.8", False),
        ("198.51.100.200", True),
        ("198.51.101.1", False),
        ("2001:db8:1::9", True),
        ("2001:db8:2::9", False),
        ("::c000:207", False),
    ],
)
def test_networks_of_any_length_are_found(address, there):
    networks = map(ip_network, ("192.0.2.7/32", "198.51.100.0/24", "2001:db8:1::/48"))
    assert Shunned(networks).has(ip_address(address)) is there
