"""A tunnel of IKEv2 that outlives its keys: renewals of both ends that cross in every way, and addresses that move.

What one end sends with, the other one always receives: no packet is lost, whatever the network does to messages.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from itertools import cycle

import pytest

from lotor.ike.events import ChildUp, Dropped, Ended, Renewed, RoundTrip, Up
from lotor.ike.intents import Check, ChildExpired
from lotor.ike.questions import Install
from lotor.ike.sessions import RENEWED_LINGER_S
from lotor.ike.v2 import child, child_rekey, create_child, ends, upkeep
from lotor.model.algorithms import Group
from lotor.model.judgement import Failure
from lotor.model.network import Path, Peer
from lotor.model.policy import Dpd, Policy
from lotor.model.reasons.ends import ClosedHere
from lotor.model.reasons.local import EngineFault
from lotor.wire.v2.numbers import NotifyType
from lotor.wire.v2.payloads import Notification
from peers.auth import SUITE2, client_policy, gateway_policy
from peers.world import CHILD, connect, is_up, pair

BAD = {"loss": 0.2, "duplication": 0.1, "reordering": 0.3}


def begun(seed=0, gateway=None, client=None, child=CHILD, **network):
    """Both ends are up; the network becomes bad afterwards."""
    gateway, client = (replace(each, dpd=Dpd()) for each in (gateway or gateway_policy(), client or client_policy()))
    world, server, person = pair(seed, gateway=gateway, client=client)
    for host in (server, person):
        host.endpoint._context.policy = Policy(host.policy.remotes, child)
    connect(world, person, server, "gw.example.org")
    assert world.run(20, lambda: is_up(person) and is_up(server))
    world.run(1)
    for name, value in network.items():
        setattr(world.network, name, value)
    return world, server, person


def session(host):
    (found,) = host.endpoint._sessions.by_id.values()
    return found


def newest(host):
    return max(host.installed.values(), key=lambda child: child.id)


def rekey(world, host):
    if host.installed:
        world.do(host, host.endpoint.command(ChildExpired(newest(host).id, hard=False), world.now))


def renew(world, host):
    upkeep.renew(session(host), world.now)
    world.do(host, host.endpoint._context.drain())


def drop(world, host):
    """This end deletes its newest pair, as at the end of a hard lifetime, if the other one has not just done so."""
    if host.installed:
        world.do(host, host.endpoint.command(ChildExpired(newest(host).id, hard=True), world.now))


def check(world, host):
    path = session(host).path
    world.do(host, host.endpoint.command(Check(session(host).id, path), world.now))


WORKS = {"rekey": rekey, "renew": renew, "drop": drop, "check": check}


def spis(host):
    return {(child.inbound.spi, child.outbound.spi) for child in host.installed.values()}


def mirrored(host):
    return {(outbound, inbound) for inbound, outbound in spis(host)}


def heard(sender, receiver):
    """Whether what one end sends with is what the other listens to."""
    sends = [child for child in sender.installed.values() if child.sending]
    return not sends or sends[-1].outbound.spi in {child.inbound.spi for child in receiver.installed.values()}


def same_ike_sa(gateway, client):
    return str(session(gateway).spis) == str(session(client).spis)


def texts(*hosts):
    return [event.text() for host in hosts for event in host.events]


def lossless(world, gateway, client, seconds):
    end = world.now + seconds
    while world.now < end:
        world.run(0.05)
        assert heard(client, gateway), texts(client, gateway)
        assert heard(gateway, client), texts(client, gateway)


def at_peace(gateway, client, pairs=1):
    """Both have the same keys of the same things, and nothing is under way."""
    assert not client.of(Ended), texts(client)
    assert not gateway.of(Ended), texts(gateway)
    assert spis(gateway) == mirrored(client), texts(client, gateway)
    assert len(client.installed) == pairs, texts(client, gateway)
    assert same_ike_sa(gateway, client)
    for host in (gateway, client):
        work = session(host).work
        assert work.busy is None
        assert not work.waiting
        assert work.rival is None
    assert len(client.endpoint._sessions.by_cookie) == 1
    assert len(gateway.endpoint._sessions.by_cookie) == 1


@pytest.mark.parametrize("who", ["client", "gateway"])
@pytest.mark.parametrize("group", [None, Group.CURVE25519])
def test_either_end_renews_a_pair(who, group):
    world, gateway, client = begun(child=replace(CHILD, pfs_group=group))
    host = client if who == "client" else gateway
    for turn in range(2, 5):
        old = newest(host)
        rekey(world, host)
        assert world.run(5, lambda turn=turn: len(client.of(ChildUp)) == len(gateway.of(ChildUp)) == turn)
        assert newest(host).replaces == old.id
        world.run(child_rekey.DELETED_LINGER_S + 1)
    at_peace(gateway, client)
    assert len(client.of(Up)) == 1


@pytest.mark.parametrize("taken", [None, Group.CURVE25519])
def test_a_gateway_with_pfs_renews_the_pairs_of_a_client_without_again_and_again(taken, monkeypatch):
    """What the client left out once it leaves out the next time, too; and what it took stays. strongSwan takes what it
    has configured and nothing else."""

    def configured(session, permitted, _):
        return create_child.Wishes(permitted.policy.suites, (taken,), child.numbers(session))

    monkeypatch.setattr(create_child, "_acceptable", configured)
    world, gateway, client = begun(child=replace(CHILD, pfs_group=Group.CURVE25519))
    for turn in range(2, 6):
        rekey(world, gateway)
        assert world.run(5, lambda turn=turn: len(client.of(ChildUp)) == len(gateway.of(ChildUp)) == turn), texts(
            client
        )
        world.run(child_rekey.DELETED_LINGER_S + 1)
    at_peace(gateway, client)
    (pair,) = session(gateway).children
    assert pair.group is taken


def demanding(monkeypatch, *groups):
    """An end that takes these groups alone, and both ends without `pfs_group`."""

    def configured(session, permitted, _):
        return create_child.Wishes(permitted.policy.suites, groups, child.numbers(session))

    monkeypatch.setattr(create_child, "_acceptable", configured)
    known = tuple(replace(SUITE2, group=group) for group in (Group.CURVE25519, Group.ECP256, Group.MODP2048))
    return begun(gateway=gateway_policy(proposals=known), client=client_policy(proposals=known))


@pytest.mark.parametrize("who", ["client", "gateway"])
@pytest.mark.parametrize(("group", "requests"), [(Group.CURVE25519, 2), (Group.MODP2048, 3)])
def test_a_peer_that_demands_pfs_gets_it_at_the_first_renewal(who, group, requests, monkeypatch):
    """The first is refused without a group, the second has that of the IKE SA, and the third the one that was named;
    from then on it is known."""
    world, gateway, client = demanding(monkeypatch, group)
    host = client if who == "client" else gateway
    sent = []
    for turn in range(2, 5):
        before = host.sent
        rekey(world, host)
        assert world.run(5, lambda turn=turn: len(client.of(ChildUp)) == len(gateway.of(ChildUp)) == turn), texts(host)
        sent.append(host.sent - before)
        world.run(child_rekey.DELETED_LINGER_S + 1)
    at_peace(gateway, client)
    assert [pair.group for pair in session(host).children] == [group]
    assert not host.of(Dropped), texts(host)
    assert sent[0] - sent[1] == requests - 1
    assert sent[1] == sent[2]


@pytest.mark.parametrize("error", [NotifyType.NO_PROPOSAL_CHOSEN, NotifyType.INVALID_KE_PAYLOAD])
def test_a_peer_whose_demand_cannot_be_met_is_asked_a_few_times_and_keeps_its_pair(error, monkeypatch):
    """A group that this end does not know, and one that changes with each refusal."""
    world, gateway, client = demanding(monkeypatch, Group.MODP8192)
    if error == NotifyType.INVALID_KE_PAYLOAD:
        names = cycle(int(group).to_bytes(2, "big") for group in (Group.ECP256, Group.MODP2048))
        monkeypatch.setattr(create_child, "responder", lambda *_: refusing(Notification(error, next(names))))
    rekey(world, gateway)
    world.run(60)
    at_peace(gateway, client)
    assert len(gateway.of(Dropped)) == 1
    assert error.name in gateway.of(Dropped)[0].text()
    rekey(world, gateway)
    world.run(60)
    at_peace(gateway, client)


def refusing(note):
    return (note,)
    yield  # a story


@pytest.mark.parametrize("who", ["client", "gateway"])
@pytest.mark.parametrize(("here", "there"), [(True, True), (True, False), (False, True)])
def test_a_renewed_pair_counts_as_the_old_one_did(who, here, there):
    world, gateway, client = begun(gateway=gateway_policy(esn=here), client=client_policy(esn=there))
    rekey(world, client if who == "client" else gateway)
    world.run(10)
    at_peace(gateway, client)
    assert [newest(host).esn for host in (client, gateway)] == [here and there] * 2


@pytest.mark.parametrize("who", ["client", "gateway"])
def test_either_end_renews_the_keys_of_the_session(who):
    world, gateway, client = begun()
    host = client if who == "client" else gateway
    numbers, before = (session(gateway).id, session(client).id), str(session(client).spis)
    for _ in range(3):
        renew(world, host)
        world.run(5)
        assert same_ike_sa(gateway, client)
        assert str(session(client).spis) != before
    assert (session(gateway).id, session(client).id) == numbers
    assert len(client.of(Renewed)) == len(gateway.of(Renewed)) == 3
    rekey(world, gateway)
    rekey(world, client)
    world.run(60)
    at_peace(gateway, client)


def test_the_client_renews_in_time_and_the_gateway_need_not():
    world, gateway, client = begun(client=client_policy(lifetime=3600))
    world.run(3700)
    assert len(client.of(Renewed)) == 1
    world.run(3700)
    assert len(gateway.of(Renewed)) == 2
    world.run(60)
    at_peace(gateway, client)


def test_keys_that_nobody_renews_end():
    world, gateway, client = begun(
        client=replace(client_policy(lifetime=3600), rekey=False), gateway=replace(gateway_policy(), rekey=False)
    )
    world.run(3600 * upkeep.HARD_LIFETIME + 5)
    assert [each.reason.kind.value for each in client.of(Ended)] == ["phase1-expired"]
    assert [each.reason.kind.value for each in gateway.of(Ended)] == ["peer-deleted"]


@pytest.mark.parametrize("first", WORKS)
@pytest.mark.parametrize("second", WORKS)
@pytest.mark.parametrize("seed", range(4))
def test_whatever_crosses_leaves_one_of_each(first, second, seed):
    """At once, and with one end so much later that its request meets each moment of the other one's."""
    world, gateway, client = begun(seed)
    WORKS[first](world, client)
    world.run(seed * 0.017)
    WORKS[second](world, gateway)
    world.run(100)
    at_peace(gateway, client)


def test_keys_of_a_renewal_that_was_cut_short_are_forgotten():
    """The peer has renewed the IKE SA while this end's own request was under way, and the session goes."""
    world, gateway, client = begun()
    WORKS["renew"](world, client)
    WORKS["renew"](world, gateway)
    assert world.run(1, lambda: session(gateway).work.rival)
    world.network.loss = 1.0
    ends.end(session(gateway), ClosedHere())
    world.run(upkeep.LOSER_LINGER_S + RENEWED_LINGER_S + 1)
    assert gateway.endpoint._sessions.by_cookie == {}


@pytest.mark.parametrize("seed", range(4))
def test_keys_that_lost_measure_no_way(seed):
    """Nobody knows their number, and last words have no time."""
    world, gateway, client = begun(seed)
    WORKS["renew"](world, client)
    WORKS["renew"](world, gateway)
    world.run(100)
    at_peace(gateway, client)
    assert client.of(RoundTrip) == gateway.of(RoundTrip) == []


@pytest.mark.parametrize("first", ["rekey", "renew"])
@pytest.mark.parametrize("second", ["rekey", "renew"])
@pytest.mark.parametrize("seed", range(10))
def test_crossing_renewals_lose_no_packet_in_a_bad_network(first, second, seed):
    world, gateway, client = begun(seed, **BAD)
    WORKS[first](world, client)
    world.run(seed % 5 * 0.02)
    WORKS[second](world, gateway)
    lossless(world, gateway, client, 120)
    world.network.loss = 0.0
    world.run(100)
    at_peace(gateway, client)


@pytest.mark.parametrize("seed", range(8))
def test_a_long_life_in_a_bad_network(seed):
    """Both ends begin whatever they like, whenever they like."""
    world, gateway, client = begun(seed, **BAD)
    for _ in range(12):
        WORKS[world.random.choice(["rekey", "renew"])](world, world.random.choice([client, gateway]))
        lossless(world, gateway, client, world.random.choice([0.0, 0.05, 0.3, 3.0, 20.0]))
    world.network.loss = 0.0
    world.run(150)
    at_peace(gateway, client)


def test_what_the_engine_refuses_is_not_left_with_the_peer():
    world, gateway, client = begun()
    client.answers[Install] = lambda _: Failure(EngineFault("no room"))
    rekey(world, client)
    world.run(30)
    del client.answers[Install]
    assert "no room" in client.of(Dropped)[-1].text()
    at_peace(gateway, client)


def test_a_pair_that_the_gateway_drops_is_asked_for_again():
    world, gateway, client = begun()
    drop(world, gateway)
    world.run(30)
    at_peace(gateway, client)
    assert len(client.of(ChildUp)) == 2
    assert len(client.of(Up)) == len(gateway.of(Up)) == 1


def move(world, client, gateway, address):
    """The client is in another network, behind no NAT."""
    del world.hosts[client.address]
    client.address = IPv4Address(address)
    world.hosts[client.address] = client
    path = Path(Peer(client.address, 4500), Peer(gateway.address, 4500), floated=True)
    world.do(client, client.endpoint.command(Check(session(client).id, path), world.now))


@pytest.mark.parametrize("seed", range(10))
def test_a_client_that_moves_is_followed_under_loss(seed):
    world, gateway, client = begun(seed, loss=0.2, reordering=0.2)
    for number in range(3):
        if seed % 2:
            WORKS["renew" if seed % 4 == 1 else "rekey"](world, gateway)
        move(world, client, gateway, f"198.51.100.{100 + number}")
        world.run(20)
        assert session(gateway).path.remote.address == client.address
        assert {child.path.remote.address for child in [p.child for p in session(gateway).children]} == {client.address}
    world.network.loss = 0.0
    world.run(100)
    at_peace(gateway, client)


@pytest.mark.parametrize("seed", range(4))
def test_a_nat_that_forgets_is_followed(seed):
    world, gateway, client = begun(seed, loss=0.2)
    for _ in range(4):
        world.rebind(client)
        check(world, client)
        lossless(world, gateway, client, 10)
        assert session(gateway).path.remote.port == world.ports[(client.address, 4500)]
    world.network.loss = 0.0
    world.run(60)
    at_peace(gateway, client)


def test_an_address_at_which_the_client_is_not_ends_the_session():
    """A client cannot turn the gateway's traffic to somebody else: it is asked there for what only it can answer."""
    world, gateway, client = begun()
    move(world, client, gateway, "198.51.100.200")
    assert world.run(1, lambda: session(gateway).path.remote.address == client.address)
    del world.hosts[client.address]
    world.run(120)
    assert gateway.of(Ended)


def test_without_mobike_a_client_shows_itself_all_the_same():
    world, gateway, client = begun(client=client_policy(mobike=False))
    move(world, client, gateway, "198.51.100.100")
    world.run(20)
    assert session(gateway).path.remote.address == client.address
    at_peace(gateway, client)
