"""SA pairs renewed by either end, by both at once, and side by side for two IP versions: one pair for each inside."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Interface, ip_network

import pytest

from lotor.ike.children import Selectors
from lotor.ike.events import ChildDown, ChildUp, Dropped, Ended, Up
from lotor.ike.intents import ChildExpired, Reload
from lotor.ike.questions import AcquireConfiguration, Install
from lotor.ike.v1 import child_rekey, sa_pairs
from lotor.model.algorithms import Group
from lotor.model.judgement import Failure
from lotor.model.policy import Policy, ProposalCheck, Switch
from lotor.model.reasons.local import EngineFault
from peers.world import CHILD, CLIENT, CONFIGURATION, GATEWAY, connect, is_up, pair

INSIDE6 = IPv6Interface("fd00:99::1/64")


def _up(seed=0, gateway=GATEWAY, client=CLIENT, **network):
    world, server, person = pair(seed, gateway=gateway, client=client, **network)
    connect(world, person, server)
    assert world.run(120, lambda: is_up(person) and is_up(server)), [e.text() for e in person.events + server.events]
    return world, server, person


def _newest(host):
    return list(host.installed.values())[-1]


def _expire(world, host, child, hard=False):
    world.do(host, host.endpoint.command(ChildExpired(child.id, hard=hard), world.now))


def _spis(host):
    """Of each pair: what comes in here, what goes out."""
    return {(child.inbound.spi, child.outbound.spi) for child in host.installed.values()}


def _mirrored(host):
    return {(outbound, inbound) for inbound, outbound in _spis(host)}


def test_a_gateway_renews_what_a_client_began_as_the_client_wants_it_again_and_again():
    """The client has PFS, the gateway none, and obeys."""
    world, gateway, client = pair()
    obeying = replace(GATEWAY, proposal_check=ProposalCheck.OBEY)
    world.do(gateway, gateway.endpoint.command(Reload(Policy((obeying,), CHILD)), world.now))
    strict = Policy((replace(CLIENT, proposal_check=ProposalCheck.STRICT),), replace(CHILD, pfs_group=Group.MODP1024))
    world.do(client, client.endpoint.command(Reload(strict), world.now))
    connect(world, client, gateway)
    assert world.run(10, lambda: is_up(client) and is_up(gateway))
    for turn in range(2, 5):
        newest = max(gateway.installed.values(), key=lambda child: child.id)
        world.do(gateway, gateway.endpoint.command(ChildExpired(newest.id, hard=False), world.now))
        assert world.run(20, lambda turn=turn: len(client.of(ChildUp)) == turn), [e.text() for e in client.events]
        world.run(60)


def test_the_gateway_renews_what_its_client_does_not():
    world, gateway, client = _up()
    for turn in range(2, 7):
        old = _newest(gateway)
        _expire(world, gateway, old)
        assert world.run(5, lambda turn=turn: len(client.of(ChildUp)) == len(gateway.of(ChildUp)) == turn)
        assert _newest(gateway).replaces == old.id
        world.run(30)
        assert old.id not in gateway.installed
        assert _spis(gateway) == _mirrored(client)
        assert len(gateway.installed) == 1
    assert not client.of(Ended)
    assert len(client.of(Up)) == 1


def test_the_gateway_asks_for_what_the_pair_has():
    """A client may offer less than its gateway knows: a successor is asked for as the pair is."""
    world, gateway, client = _up()
    first = _newest(gateway)
    gateway.endpoint._context.policy = replace(
        gateway.policy, child=replace(gateway.policy.child, suites=(), lifetime=1)
    )
    _expire(world, gateway, first)
    assert world.run(5, lambda: len(client.of(ChildUp)) == 2)
    assert _newest(client).suite == first.suite
    assert _newest(gateway).lifetime.hard_seconds == first.lifetime.hard_seconds


def test_the_responder_waits_longer_than_the_initiator():
    _, gateway, client = _up()
    assert _newest(client).lifetime.soft_seconds == pytest.approx(3600 * 0.8)
    assert _newest(gateway).lifetime.soft_seconds == pytest.approx(3600 * 0.9)


def test_one_successor_is_asked_for_once():
    world, _, client = _up()
    first = _newest(client)
    for _ in range(3):
        _expire(world, client, first)
    world.run(30)
    assert len(client.of(ChildUp)) == 2


@pytest.mark.parametrize("who", ["client", "gateway"])
def test_whoever_begins_sends_with_the_old_pair_until_the_other_end_surely_has_the_new_one(who):
    """strongSwan installs its new pair when the third message has come, racoon when it is out: a packet behind it was
    lost."""
    world, gateway, client = _up()
    host, other = (client, gateway) if who == "client" else (gateway, client)
    old = _newest(host)
    _expire(world, host, old)
    assert world.run(5, lambda: len(host.of(ChildUp)) == len(other.of(ChildUp)) == 2)
    assert not other.installed[2].sending
    world.run(child_rekey.INITIATOR_READY_S)
    assert other.installed[2].sending
    assert not host.installed[2].sending
    world.run(child_rekey.RESPONDER_READY_S)
    assert host.installed[2].sending


def test_an_old_pair_that_is_gone_is_waited_for_no_longer():
    world, _gateway, client = _up()
    old = _newest(client)
    _expire(world, client, old)
    assert world.run(5, lambda: len(client.of(ChildUp)) == 2)
    assert not client.installed[2].sending
    _expire(world, client, old, hard=True)
    assert client.installed[2].sending
    assert list(client.installed) == [2]


def _heard(sender, receiver):
    """Whether what one end sends with is what the other listens to."""
    sends = [child for child in sender.installed.values() if child.sending][-1]
    return sends.outbound.spi in {child.inbound.spi for child in receiver.installed.values()}


@pytest.mark.parametrize("seed", range(20))
def test_rekeys_of_both_ends_at_once_leave_one_pair(seed):
    world, gateway, client = _up(seed)
    first = _newest(gateway)
    _expire(world, client, _newest(client))
    world.run(seed % 5 * 0.02)
    _expire(world, gateway, first)
    world.run(60)
    assert _spis(gateway) == _mirrored(client), [e.text() for e in client.events + gateway.events]
    assert len(client.installed) == 1
    assert not client.of(Ended)


@pytest.mark.parametrize("seed", range(40))
def test_rekeys_of_both_ends_in_a_bad_network_never_break_the_tunnel(seed):
    world, gateway, client = _up(seed, loss=0.1, reordering=0.3, duplication=0.05)
    first = _newest(gateway)
    _expire(world, client, _newest(client))
    world.run(seed % 4 * 0.02)
    _expire(world, gateway, first)
    end = world.now + 300
    while world.now < end:
        world.run(0.05)
        assert _heard(client, gateway)
        assert _heard(gateway, client)
    assert _spis(gateway) == _mirrored(client)
    assert not client.of(Ended)


def test_what_the_client_never_asked_for_is_refused():
    world, gateway, client = _up()
    session = gateway.endpoint._sessions.by_id[1]
    (held,) = session.children
    held.child = replace(held.child, local_networks=(ip_network("10.0.0.0/8"),))
    _expire(world, gateway, held.child)
    world.run(10)
    assert "may only renew what this client asked for" in client.of(Dropped)[0].text()
    assert "INVALID_ID_INFORMATION" in gateway.of(Dropped)[-1].text()
    assert len(client.installed) == 1
    assert not gateway.of(Ended)


def _dual(gateway):
    given = replace(CONFIGURATION, address=gateway.pool.pop(0), address6=INSIDE6)
    gateway.answers[AcquireConfiguration] = lambda question: given


def _dual_up():
    """Both ends know of an IPv6 address; what mode config does for it is another test's matter."""
    world, gateway, client = pair()
    _dual(gateway)
    connect(world, client, gateway)
    assert world.run(10, lambda: is_up(client))
    for host in (client, gateway):
        session = host.endpoint._sessions.by_id[1]
        session.inner.configuration = replace(session.inner.configuration, address6=INSIDE6)
    return world, gateway, client


def _insides(client):
    return {str(child.local_networks[0]) for child in client.installed.values()}


def test_each_ip_version_has_a_pair_of_its_own():
    world, gateway, client = _dual_up()
    _expire(world, client, _newest(client))
    assert world.run(10, lambda: len(gateway.of(ChildUp)) == 3)
    world.run(30)
    assert _insides(client) == {"10.99.99.1/32", "fd00:99::1/128"}
    assert {str(child.remote_networks[0]) for child in client.installed.values()} == {"0.0.0.0/0", "::/0"}
    assert _spis(gateway) == _mirrored(client)
    assert len(client.of(Up)) == 1
    for child in list(client.installed.values()):
        _expire(world, client, child)
        world.run(30)
    assert _insides(client) == {"10.99.99.1/32", "fd00:99::1/128"}
    assert len(client.installed) == 2


def test_a_deleted_pair_of_two_comes_back_alone():
    world, gateway, client = _dual_up()
    _expire(world, client, _newest(client))
    assert world.run(10, lambda: len(gateway.of(ChildUp)) == 3)
    world.run(30)
    first = next(iter(gateway.installed.values()))
    _expire(world, gateway, first, hard=True)
    world.run(10)
    assert _insides(client) == {"10.99.99.1/32", "fd00:99::1/128"}
    assert len(client.of(ChildDown)) == 2


def test_an_inside_that_the_gateway_does_not_take_is_done_without():
    world, gateway, client = _dual_up()
    session = gateway.endpoint._sessions.by_id[1]
    session.inner.configuration = replace(session.inner.configuration, address6=None)
    _expire(world, client, _newest(client))
    world.run(30)
    assert _insides(client) == {"10.99.99.1/32"}
    assert not client.of(Ended)
    (dropped,) = [event for event in client.of(Dropped) if "fd00:99::1" in event.text()]
    assert "INVALID_ID_INFORMATION" in dropped.text()
    _expire(world, client, _newest(client))
    world.run(30)
    assert len([question for question in client.questions if isinstance(question, Install)]) == 3


def test_a_rekey_that_fails_is_told_and_the_session_stays():
    world, gateway, client = _up()
    gateway.answers[Install] = lambda question: Failure(EngineFault("no room in the engine"))
    _expire(world, client, _newest(client))
    world.run(60)
    assert len(client.installed) == 1
    assert not client.of(Ended)
    del gateway.answers[Install]
    _expire(world, client, _newest(client))
    assert world.run(10, lambda: len(client.of(ChildUp)) == 2)


def test_a_direct_path_is_renewed_by_the_gateway_too():
    plain = {"nat_traversal": Switch.OFF}
    world, gateway, client = pair(gateway=replace(GATEWAY, **plain), client=replace(CLIENT, **plain))
    world.nat.clear()
    connect(world, client, gateway)
    assert world.run(10, lambda: is_up(client) and is_up(gateway))
    _expire(world, gateway, _newest(gateway))
    assert world.run(5, lambda: len(client.of(ChildUp)) == 2)


def test_pairs_for_several_networks_live_side_by_side():
    """Apple's client asks for one pair for each network of a split tunnel."""
    world, gateway, client = _up()
    session = client.endpoint._sessions.by_id[1]
    lease = _newest(client).local_networks[0]
    for network in ("10.1.0.0/16", "10.2.0.0/16"):
        sa_pairs.start(session, Selectors(lease, ip_network(network)), None, world.now)
        world.do(client, client.endpoint.tick(world.now))
        assert world.run(5, lambda: len(client.installed) == len(gateway.installed))
    world.run(30)
    assert len(gateway.installed) == 3
    assert all(child.replaces is None for child in gateway.installed.values())
    middle = list(client.installed.values())[1]
    _expire(world, client, middle)
    world.run(30)
    assert len(gateway.installed) == 3
    assert _spis(gateway) == _mirrored(client)
    reach = {str(child.local_networks[0]) for child in gateway.installed.values()}
    assert reach == {"0.0.0.0/0", "10.1.0.0/16", "10.2.0.0/16"}
