"""Phase 1 is renewed under a session that goes on: the same number, address and SA pairs, and nobody is asked again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lotor.ike.events import ChildDown, ChildUp, Configured, Ended, LoggedIn, Renewed, Started, Up
from lotor.ike.intents import ChildExpired
from lotor.ike.questions import AcquireConfiguration, AdmitConfiguration, CheckLogin
from lotor.ike.v1 import informational, lifetimes, renewal
from lotor.model.algorithms import AuthMethod
from lotor.model.policy import ExchangeMode
from lotor.model.reason import Cause
from lotor.model.reasons.ends import ClosedHere
from lotor.wire.v1.numbers import LifeType, Protocol
from peers.world import CLIENT, GATEWAY, connect, is_up, pair, suite_with

LIFE = 300


def _lasting(remote, **changes):
    suites = tuple(replace(suite, lifetime=LIFE) for suite in remote.proposals)
    return replace(remote, **{"proposals": suites, **changes})


def _up(seed=0, gateway=GATEWAY, client=CLIENT, **network):
    world, server, person = pair(seed, gateway=_lasting(gateway), client=_lasting(client), **network)
    connect(world, person, server)
    assert world.run(60, lambda: is_up(person) and is_up(server))
    person.last_inbound = server.last_inbound = None
    return world, server, person


def _one_session_all_along(*hosts):
    for host in hosts:
        assert {event.session for event in host.of(Configured)} == {1}
        assert len(host.of(Up)) == 1
        assert not host.of(ChildDown)
        assert not [event for event in host.of(Ended) if event.session == 1], [e.text() for e in host.events]


def test_a_session_outlives_many_phase_ones():
    world, gateway, client = _up()
    pairs = dict(client.installed), dict(gateway.installed)
    world.run(LIFE * 5)
    assert len(client.of(Renewed)) >= 5
    assert len(gateway.of(Renewed)) == len(client.of(Renewed))
    _one_session_all_along(client, gateway)
    assert (client.installed, gateway.installed) == pairs
    checks = [q for q in gateway.questions if isinstance(q, CheckLogin)]
    assert len(checks) == len(client.of(Renewed)) + 1
    assert {q.continues for q in checks} == {1}, "a login that renews is of the same account"
    assert len({q.session for q in checks}) == len(checks)
    assert len([q for q in gateway.questions if isinstance(q, AcquireConfiguration)]) == 1
    assert len(gateway.pool) == 252
    asked = [q.session for q in client.questions if isinstance(q, AdmitConfiguration)]
    assert len(asked) == len(client.of(Renewed)) + 1
    assert set(asked) == {1}, "the host knows no other session, and the address is that one's"
    assert len(client.endpoint._sessions.by_id) == 1
    assert len(gateway.endpoint._sessions.by_id) == 1
    assert len(gateway.endpoint._sessions.by_cookie) <= 2


def test_after_a_renewal_everything_still_works():
    from lotor.ike.intents import ChildExpired, Disconnect

    world, gateway, client = _up()
    assert world.run(LIFE, lambda: bool(client.of(Renewed)))
    world.run(2)
    old = client.of(ChildUp)[0].child
    world.do(client, client.endpoint.command(ChildExpired(old.id, hard=False), world.now))
    assert world.run(5, lambda: len(gateway.of(ChildUp)) == 2)
    world.do(client, client.endpoint.command(Disconnect(1, ClosedHere()), world.now))
    assert world.run(5, lambda: bool(gateway.of(Ended)))
    assert not gateway.installed
    assert len(gateway.pool) == 253


@pytest.mark.parametrize("mode", list(ExchangeMode))
@pytest.mark.parametrize("method", list(AuthMethod))
def test_every_method_renews_in_a_bad_network(method, mode):
    suite = suite_with(method)
    remotes = {
        "gateway": replace(GATEWAY, proposals=(suite,), exchange_modes=(mode,)),
        "client": replace(CLIENT, proposals=(suite,), exchange_modes=(mode,), certificates=GATEWAY.certificates),
    }
    for seed in range(5):
        world, gateway, client = _up(seed, **remotes, loss=0.1, duplication=0.05, reordering=0.1)
        client.last_inbound = gateway.last_inbound = world.now + 10 * LIFE
        world.run(LIFE * 3)
        assert len(client.of(Renewed)) >= 2, [event.text() for event in client.events]
        _one_session_all_along(client, gateway)


def test_a_renewal_that_is_refused_leaves_the_old_phase_one_until_its_end():
    world, _gateway, client = _up()
    client.login = ("alice", "changed meanwhile")
    world.run(LIFE * 0.9)
    assert not [event for event in client.of(Ended) if event.session == 1]
    world.run(LIFE * 0.2)
    assert [event.reason.cause for event in client.of(Ended) if event.session == 1] == [Cause.EXPIRED]
    assert len([event for event in client.of(Ended) if event.reason.cause is Cause.LOGIN_REFUSED]) >= 1


def test_another_user_on_the_same_path_takes_nothing_over():
    world, gateway, client = _up()
    gateway.users = (("alice", "wonderland"), ("bob", "builder"))
    client.login = ("bob", "builder")
    world.run(LIFE * 0.9)
    assert not gateway.of(Renewed)
    assert {event.user for event in gateway.of(LoggedIn)} == {"alice", "bob"}
    assert all(q.continues == q.session for q in gateway.questions if isinstance(q, CheckLogin))
    assert not client.of(Renewed)


def test_rekey_off_lets_phase_one_end():
    world, _gateway, client = _up(client=replace(CLIENT, rekey=False))
    world.run(LIFE * 1.1)
    assert not client.of(Renewed)
    assert client.of(Ended)[0].reason.cause is Cause.EXPIRED or client.of(Ended)[0].reason.cause is Cause.PEER_CLOSED


@pytest.mark.parametrize("mode", list(ExchangeMode))
def test_a_shorter_phase_one_of_the_gateway_is_told_and_renewed_in_time(mode):
    mine = replace(_lasting(GATEWAY), exchange_modes=(mode,))
    world, gateway, client = pair(gateway=mine, client=replace(CLIENT, exchange_modes=(mode,)))
    connect(world, client, gateway)
    assert world.run(60, lambda: is_up(client) and is_up(gateway))
    world.run(LIFE * 3)
    assert len(gateway.of(Renewed)) >= 3
    _one_session_all_along(client, gateway)


def _tell_lifetime(world, host, seconds: int) -> None:
    """RESPONDER-LIFETIME of phase 1 in a message of its own, as Cisco's gateways send it."""
    (session,) = host.endpoint._sessions.by_id.values()
    informational.say(session, lifetimes.note(Protocol.ISAKMP, bytes(16), {LifeType.SECONDS: seconds}))
    world.do(host, session.context.drain())


def test_a_shorter_lifetime_may_come_in_a_message_of_its_own():
    world, gateway, client = pair()
    connect(world, client, gateway)
    assert world.run(10, lambda: is_up(client) and is_up(gateway))
    _tell_lifetime(world, gateway, 600)
    world.run(470)
    assert not client.of(Renewed)
    assert world.run(20, lambda: bool(client.of(Renewed)))
    assert not client.of(Ended)


@pytest.mark.parametrize(("who", "seconds"), [("gateway", 86400), ("client", 600), ("client", 86400)])
def test_nobody_is_told_a_longer_one_and_no_gateway_any(who, seconds):
    world, gateway, client = pair()
    connect(world, client, gateway)
    assert world.run(10, lambda: is_up(client) and is_up(gateway))
    _tell_lifetime(world, {"gateway": gateway, "client": client}[who], seconds)
    world.run(1000)
    assert not client.of(Renewed)
    assert not gateway.of(Ended)
    assert world.run(28800 * 0.8 - 900, lambda: bool(client.of(Renewed)))


@pytest.mark.parametrize("offset", range(40))
@pytest.mark.parametrize("loss", [0.0, 0.1])
def test_a_rekey_beside_a_renewal_of_phase_one_is_finished_by_both_ends(offset, loss):
    """The last message of quick mode may come when the new phase 1 has taken over: the pair must send all the same, or
    the tunnel falls silent when the old pair's time is over."""
    world, gateway, client = _up(seed=offset)
    world.run(LIFE * 0.8 - (world.now - 1000) - 0.2)
    assert world.run(10, lambda: len(client.of(Started)) == 2)
    world.network.loss = loss
    world.run(offset * 0.008)
    (old,) = client.installed.values()
    world.do(client, client.endpoint.command(ChildExpired(old.id, hard=False), world.now))
    assert world.run(20, lambda: len(client.of(Renewed)) == len(gateway.of(Renewed)) == 1)
    world.run(8)
    newest = list(client.installed.values())[-1]
    (answering,) = [child for child in gateway.installed.values() if child.inbound.spi == newest.outbound.spi]
    assert newest is not old
    assert answering.sending, [event.text() for event in gateway.events]


def test_the_old_phase_one_is_deleted_when_a_busy_gateway_has_moved_its_pairs():
    """strongSwan hands the SA pairs to the new phase 1 in a job that may have to wait, and drops with the old one what
    it has not handed over yet."""
    world, _gateway, client = _up()
    began = {cookie for _, _, _, data in world.wire if (cookie := data[:8])}
    assert world.run(LIFE, lambda: bool(client.of(Renewed)))
    renewed, since = world.now, len(world.wire)
    world.run(renewal.OLD_PHASE1_LINGER_S + 1)
    last = [at for at, source, _, data in world.wire[since:] if source.address == client.address and data[:8] in began]
    assert last
    assert min(last) >= renewed + renewal.OLD_PHASE1_LINGER_S
