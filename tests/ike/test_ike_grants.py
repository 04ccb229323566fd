"""What a login grants its session in the core: how many sessions a person may have, and how fast each is."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from lotor.ike.events import Ended, LoginRefused, Renewed
from lotor.ike.questions import CheckLogin
from lotor.model.grants import Grants
from lotor.model.kinds import Kind
from lotor.model.login import Accepted
from lotor.model.policy import ChildRule, Policy
from peers.world import CHILD, CLIENT, GATEWAY, CheapRandomness, Host, connect, is_up, pair


def granting(grants, **changes):
    world, gateway, client = pair(gateway=replace(GATEWAY, **changes))
    gateway.answers[CheckLogin] = lambda _: Accepted("alice", grants)
    connect(world, client, gateway)
    assert world.run(20, lambda: is_up(client) and is_up(gateway))
    return world, gateway, client


def another(world, gateway):
    host = Host("other", IPv4Address("198.51.100.20"), Policy((CLIENT,), CHILD), CheapRandomness(77))
    world.add(host, behind=IPv4Address("203.0.113.2"))
    connect(world, host, gateway)
    return host


@pytest.mark.parametrize(
    ("granted", "most", "told"),
    [(1, None, "the limit of the login is 1"), (1, 5, "the limit of the login is 1"), (5, 1, "max_sessions is 1")],
)
def test_the_lower_of_two_limits_of_sessions_counts_and_says_whose_it_is(granted, most, told):
    world, gateway, client = granting(Grants(sessions=granted), max_sessions=most)
    other = another(world, gateway)
    assert world.run(60, lambda: bool(other.of(Ended)))
    reason = gateway.of(LoginRefused)[-1].reason
    assert reason.kind is Kind.TOO_MANY_SESSIONS
    assert told in reason.text
    assert told in other.of(Ended)[0].reason.text
    assert not client.of(Ended)


def test_who_may_have_two_has_two():
    world, gateway, _client = granting(Grants(sessions=2))
    other = another(world, gateway)
    assert world.run(20, lambda: is_up(other))


@pytest.mark.parametrize(("block", "granted", "rate"), [(None, 1000, 1000), (500, 1000, 500), (500, None, 500)])
def test_the_lower_of_two_rates_counts(block, granted, rate):
    rules = (ChildRule(replace(CHILD, rate=block)),)
    _world, gateway, _client = granting(Grants(rate=granted), children=rules)
    assert {child.rate for child in gateway.installed.values()} == {rate}


def test_a_login_that_renews_its_session_grants_anew():
    """Keys that are renewed with another login have the rate of that one."""
    suites = (replace(GATEWAY.proposals[0], lifetime=300),)
    world, gateway, client = pair(gateway=replace(GATEWAY, proposals=suites), client=replace(CLIENT, proposals=suites))
    rates = [1000, 2000]
    gateway.answers[CheckLogin] = lambda _: Accepted("alice", Grants(rate=rates.pop(0) if rates else 2000))
    connect(world, client, gateway)
    assert world.run(20, lambda: is_up(client) and is_up(gateway))
    assert world.run(600, lambda: bool(gateway.of(Renewed)))
    world.run(5)
    assert {each.grants.rate for each in gateway.endpoint._sessions.by_id.values()} == {2000}
