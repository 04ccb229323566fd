"""The `sainfo` of an SA pair is chosen by the networks that it joins."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network

import pytest

from lotor.ike.events import Dropped, Ended
from lotor.ike.questions import AcquireConfiguration, CheckLogin
from lotor.model.grants import Grants
from lotor.model.login import Accepted
from lotor.model.policy import ChildRule
from peers.world import CHILD, CLIENT, CONFIGURATION, GATEWAY, connect, is_up, pair

EVERYWHERE, OFFICE = IPv4Network("0.0.0.0/0"), IPv4Network("10.0.0.0/8")


def _connected(*rules):
    world, server, person = pair(gateway=replace(GATEWAY, children=rules), client=CLIENT)
    connect(world, person, server)
    return world, server, person


def test_the_first_block_that_fits_counts():
    rates = {OFFICE: 1000, EVERYWHERE: 2000, None: 3000}
    rules = tuple(ChildRule(replace(CHILD, rate=rate), local) for local, rate in rates.items())
    world, gateway, client = _connected(*rules)
    assert world.run(20, lambda: is_up(client) and is_up(gateway)), [e.text() for e in client.events]
    assert {child.rate for child in gateway.installed.values()} == {2000}
    world, gateway, client = _connected(rules[0], rules[2])
    assert world.run(20, lambda: is_up(client) and is_up(gateway))
    assert {child.rate for child in gateway.installed.values()} == {3000}


def test_networks_that_no_block_is_for_are_refused():
    """What the gateway's administrator gave to `sainfo subnet 10.0.0.0/8 any` is not given to whoever asks for more."""
    world, gateway, client = _connected(ChildRule(CHILD, OFFICE), ChildRule(CHILD, None, IPv4Network("10.99.99.77/32")))
    assert world.run(20, lambda: bool(client.of(Ended)))
    assert "INVALID_ID_INFORMATION" in client.of(Ended)[0].reason.text
    assert any("no sainfo here is for them" in event.reason.text for event in gateway.of(Dropped))
    assert not gateway.installed


@pytest.mark.parametrize(
    ("granted", "of_host", "rate"),
    [({"staff"}, (), 1000), ((), {"staff"}, 1000), ({"guests"}, (), 2000), ((), (), 2000)],
)
def test_a_block_for_a_group_is_for_its_members_only(granted, of_host, rate):
    """Groups come with the login, or the gateway's host knows them."""
    rules = (ChildRule(replace(CHILD, rate=1000), group="staff"), ChildRule(replace(CHILD, rate=2000)))
    world, server, person = pair(gateway=replace(GATEWAY, children=rules), client=CLIENT)
    server.answers[CheckLogin] = lambda _: Accepted("alice", Grants(groups=frozenset(granted)))
    given = replace(CONFIGURATION, groups=frozenset(of_host))
    server.answers[AcquireConfiguration] = lambda _: given
    connect(world, person, server)
    assert world.run(20, lambda: is_up(person) and is_up(server))
    assert {child.rate for child in server.installed.values()} == {rate}


def test_who_is_in_no_group_that_a_block_is_for_has_no_pair():
    rules = (ChildRule(CHILD, group="staff"),)
    world, server, person = _connected(*rules)
    assert world.run(20, lambda: bool(person.of(Ended)))
    assert any("no sainfo here is for them" in event.reason.text for event in server.of(Dropped))
    assert not server.installed
