"""A gateway that gives another address with a renewed phase 1, as racoon does: the client takes it and goes on."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Interface, ip_address

import pytest

from lotor.ike.events import ChildDown, ChildUp, Configured, Ended, Readdressed, Renewed, Up
from lotor.ike.questions import AcquireConfiguration, Install
from lotor.ike.sessions import Sessions
from lotor.model.algorithms import AuthMethod
from lotor.model.judgement import Failure
from lotor.model.policy import ExchangeMode
from lotor.model.reasons.local import EngineFault
from peers.world import CLIENT, CONFIGURATION, GATEWAY, connect, is_up, pair, suite_with

LIFE = 300


class Forgetful(Sessions):
    """Knows no client again."""

    __slots__ = ()

    def _renewed_by(self, session, user):
        return None


def _forgetful(seed=0, method=AuthMethod.HYBRID_RSA, mode=ExchangeMode.AGGRESSIVE, ipv6=False, **network):
    """A gateway that knows no client again: each phase 1 gets the next free address, until its own end."""
    suite = replace(suite_with(method), lifetime=LIFE)
    common = {"proposals": (suite,), "exchange_modes": (mode,), "certificates": GATEWAY.certificates}
    gateway = replace(GATEWAY, initial_contact=False, mode_cfg=True, **common)
    world, server, person = pair(seed, gateway=gateway, client=replace(CLIENT, **common), **network)
    server.endpoint._sessions.__class__ = Forgetful

    def given(question: AcquireConfiguration):
        server.leases[question.session] = address = server.pool.pop(0)
        sixth = IPv6Interface(f"fd00:99::{int(address) & 0xFF:x}/64") if ipv6 else None
        return replace(CONFIGURATION, address=address, address6=sixth)

    server.answers[AcquireConfiguration] = given
    connect(world, person, server)
    assert world.run(60, lambda: is_up(person) and is_up(server))
    return world, server, person


def _carrying(host) -> set[str]:
    return {str(child.local_networks[0].network_address) for child in host.installed.values() if child.sending}


@pytest.mark.parametrize("mode", list(ExchangeMode))
@pytest.mark.parametrize("method", [AuthMethod.HYBRID_RSA, AuthMethod.XAUTH_PSK, AuthMethod.XAUTH_RSA])
def test_f3_another_address_in_a_renewed_phase_one_is_taken_over(method, mode):
    world, gateway, client = _forgetful(method=method, mode=mode)
    assert world.run(LIFE, lambda: len(client.of(Configured)) == 2), [e.text() for e in client.events]
    assert _carrying(client) == {"10.99.99.1", "10.99.99.2"}, "the old one serves until the host has taken the new one"
    assert [event.address for event in client.of(Configured)] == ["10.99.99.1", "10.99.99.2"]
    assert {event.session for event in client.of(Configured)} == {1}
    assert client.of(Readdressed)[0].text().startswith("the gateway gives 10.99.99.2")
    world.run(20)
    assert _carrying(client) == {"10.99.99.2"}
    assert not [event for event in client.of(Ended) if event.session == 1]
    assert len(client.of(Up)) == 1
    inside = {str(child.remote_networks[0].network_address) for child in gateway.installed.values()}
    assert inside == {"10.99.99.2"}
    assert ip_address("10.99.99.1") in gateway.pool, "the old phase 1 was deleted, its address is free again"


def test_f3_the_host_hears_of_it_only_when_the_new_address_is_carried():
    world, _gateway, client = _forgetful()
    assert world.run(LIFE, lambda: bool(client.of(Readdressed)))
    assert len(client.of(Configured)) == 1
    assert world.run(5, lambda: len(client.of(Configured)) == 2)
    kinds = [type(event) for event in client.events]
    last = len(kinds) - 1 - kinds[::-1].index(Configured)
    assert kinds.index(Readdressed) < kinds.index(ChildUp, kinds.index(Readdressed)) < last


def test_f3_from_address_to_address_through_many_renewals_in_a_bad_network():
    for seed in range(8):
        world, gateway, client = _forgetful(seed, loss=0.1, duplication=0.05, reordering=0.1)
        client.last_inbound = gateway.last_inbound = world.now + 10 * LIFE
        world.run(LIFE * 3.5)
        assert len(client.of(Renewed)) >= 3, [event.text() for event in client.events]
        assert len(client.of(Configured)) >= 4
        assert not [event for event in client.of(Ended) if event.session == 1], [e.text() for e in client.events]
        assert client.of(Configured)[-1].address in _carrying(client)


def test_f3_ipv6_moves_along():
    world, _gateway, client = _forgetful(ipv6=True)
    assert world.run(5, lambda: _carrying(client) == {"10.99.99.1", "fd00:99::1"})
    assert world.run(LIFE, lambda: len(client.of(Configured)) == 2)
    assert _carrying(client) == {"10.99.99.1", "fd00:99::1", "10.99.99.2", "fd00:99::2"}
    world.run(20)
    assert _carrying(client) == {"10.99.99.2", "fd00:99::2"}


def test_f3_an_address_for_which_there_is_no_pair_ends_the_session_with_the_reason():
    world, gateway, client = _forgetful()
    assert world.run(LIFE, lambda: bool(client.of(Readdressed)))
    gateway.answers[Install] = lambda _: Failure(EngineFault("no device"))
    assert world.run(60, lambda: any(event.session == 1 for event in client.of(Ended)))
    (ended,) = [event for event in client.of(Ended) if event.session == 1]
    assert "NO_PROPOSAL_CHOSEN" in ended.reason.text
    assert len(client.of(Configured)) == 1


def test_f3_the_same_address_moves_nothing():
    world, _gateway, client = _forgetful()
    world.hosts[IPv4Address("192.0.2.50")].answers[AcquireConfiguration] = lambda _: CONFIGURATION
    assert world.run(LIFE, lambda: bool(client.of(Renewed)))
    world.run(20)
    assert not client.of(Readdressed)
    assert len(client.of(Configured)) == 1
    assert not [event for event in client.of(ChildDown) if event.session == 1 and "replaced" in str(event.reason)]
