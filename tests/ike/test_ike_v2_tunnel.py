"""Two endpoints that speak IKEv2 from the first message to a tunnel, on good networks and bad ones."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from lotor.ike.events import ChildUp, Configured, Ended, LoggedIn, LoginRefused, PhaseOneUp, Readdressed, Renewed, Up
from lotor.ike.intents import Disconnect
from lotor.ike.questions import AcquireConfiguration, CheckLogin, CheckMschap, Install, JudgePeer
from lotor.ike.v2 import opening, sequence, upkeep
from lotor.model.algorithms import EapMethod, Proving
from lotor.model.grants import Grants
from lotor.model.identity import Identity, IdKind
from lotor.model.judgement import Failure, Untrusted
from lotor.model.login import Accepted, Refused
from lotor.model.policy import Policy, Uniqueness
from lotor.model.reason import Cause
from lotor.model.reasons.certificates import WrongSignature
from lotor.model.reasons.ends import LoggedOut, NoAnswer
from lotor.model.reasons.local import EngineFault
from lotor.model.reasons.logins import (
    AlreadyConnected,
    ConnectedElsewhere,
    RefusedThere,
    RefusedWithWords,
    SilentAtLogin,
    WrongPassword,
)
from peers.auth import client_policy, gateway_policy, own
from peers.world import CHILD, CheapRandomness, Host, connect, is_up, pair

BAD = {"loss": 0.3, "duplication": 0.2, "reordering": 0.2}


def two(gateway=None, client=None, **network):
    return pair(gateway=gateway or gateway_policy(), client=client or client_policy(), **network)


def up(world, client: Host, gateway: Host, seconds: float = 10.0) -> bool:
    connect(world, client, gateway, "gw.example.org")
    return world.run(seconds, lambda: is_up(client) and is_up(gateway))


def ended(host: Host) -> list:
    return [event.reason for event in host.of(Ended)]


def same_keys(client: Host, gateway: Host) -> bool:
    here, there = next(iter(client.installed.values())), next(iter(gateway.installed.values()))
    return (here.inbound, here.outbound) == (there.outbound, there.inbound)


@pytest.mark.parametrize("method", [EapMethod.MSCHAPV2, EapMethod.GTC])
def test_a_tunnel_with_a_password(method):
    world, gateway, client = two(gateway_policy(eap=(method,)))
    assert up(world, client, gateway)
    assert same_keys(client, gateway)
    for host in (client, gateway):
        kinds = [type(event) for event in host.events]
        assert [kinds.count(each) for each in (PhaseOneUp, Configured, ChildUp, Up)] == [1, 1, 1, 1]
        assert kinds.index(PhaseOneUp) < kinds.index(Configured) < kinds.index(ChildUp) < kinds.index(Up)
        assert host.of(Up)[0].user == "alice"
    assert gateway.of(LoggedIn)[0].user == "alice"


@pytest.mark.parametrize(
    "terms",
    [
        {"local": Proving.SHARED_KEY, "peer": (Proving.SHARED_KEY,)},
        {"local": Proving.CERTIFICATE, "peer": (Proving.CERTIFICATE,)},
    ],
)
def test_a_tunnel_without_a_login(terms):
    gateway_ = replace(gateway_policy(**terms), mode_cfg=True)
    world, gateway, client = two(gateway_, replace(client_policy(**terms), **own()))
    assert up(world, client, gateway)
    assert same_keys(client, gateway)


@pytest.mark.parametrize("seed", range(12))
def test_a_bad_network_makes_no_second_login(seed):
    world, gateway, client = two(seed=seed, **BAD)
    assert up(world, client, gateway, 100)
    assert len([each for each in gateway.questions if isinstance(each, CheckMschap)]) == 1
    assert same_keys(client, gateway)


def test_a_slow_back_end_is_asked_once():
    world, gateway, client = two()
    gateway.slow = 12.0
    assert up(world, client, gateway, 40)
    assert len([each for each in gateway.questions if isinstance(each, CheckMschap)]) == 1


def test_a_wrong_password_ends_both():
    world, gateway, client = two()
    client.login = ("alice", "wrong")
    assert not up(world, client, gateway, 60)
    assert ended(gateway) == [WrongPassword("alice")]
    assert ended(client) == [RefusedThere(gateway.address, "alice")]
    assert [each.reason for each in gateway.of(LoginRefused)] == [WrongPassword("alice")]
    assert not gateway.leases
    assert not gateway.installed


def test_a_client_that_refuses_the_gateway_tells_it():
    world, gateway, client = two()
    client.answers[JudgePeer] = lambda _: Untrusted(WrongSignature("CN=rogue"))
    assert not up(world, client, gateway, 60)
    assert ended(client) == [WrongSignature("CN=rogue")]
    assert [each.kind.value for each in ended(gateway)] == ["proof-not-accepted"]


def test_a_refused_pair_leaves_the_ike_sa_until_the_client_goes():
    world, gateway, client = two()
    gateway.answers[Install] = lambda _: Failure(EngineFault("full"))
    assert not up(world, client, gateway, 60)
    assert ended(client) == [RefusedWithWords(gateway.address, "full")]
    assert [each.kind.value for each in ended(gateway)] == ["peer-deleted"]
    assert not gateway.leases


def test_the_end_of_one_ends_the_other():
    world, gateway, client = two()
    assert up(world, client, gateway)
    world.do(client, client.endpoint.command(Disconnect(client.of(Up)[0].session, LoggedOut("alice")), world.now))
    world.run(5)
    assert ended(client) == [LoggedOut("alice")]
    assert [each.kind.value for each in ended(gateway)] == ["peer-deleted"]
    assert not gateway.installed
    assert not gateway.leases


def second(world, gateway: Host, client: Host, **policy) -> Host:
    """The same person from another device."""
    remote = replace(client.policy.remotes[0], **policy)
    host = Host("other", IPv4Address("198.51.100.20"), Policy((remote,), CHILD), CheapRandomness(77))
    return world.add(host, behind=IPv4Address("203.0.113.9"))


def test_one_session_a_person():
    world, gateway, client = two(replace(gateway_policy(), uniqueness=Uniqueness.REFUSE))
    assert up(world, client, gateway)
    other = second(world, gateway, client)
    connect(world, other, gateway, "gw.example.org")
    world.run(30)
    assert [type(each) for each in ended(other)] == [ConnectedElsewhere]
    assert [type(each.reason) for each in gateway.of(LoginRefused)] == [AlreadyConnected]
    assert len(gateway.leases) == 1


def test_the_newer_session_of_a_person_replaces_the_older_one():
    world, gateway, client = two(replace(gateway_policy(), uniqueness=Uniqueness.REPLACE))
    assert up(world, client, gateway)
    other = second(world, gateway, client)
    connect(world, other, gateway, "gw.example.org")
    assert world.run(30, lambda: is_up(other) and bool(ended(client)))
    assert [each.kind.value for each in ended(gateway)] == ["connected-again"]
    assert len(gateway.leases) == 1


def test_two_devices_with_the_same_identity_and_address_inside_are_two():
    """Windows sends its private address as IDi: two of them behind one NAT are told apart by who logs in."""
    world, gateway, client = two()
    gateway.users = (("alice", "wonderland"), ("bob", "builder"))
    assert up(world, client, gateway)
    other = second(world, gateway, client)
    other.login = ("bob", "builder")
    world.nat[other.address] = IPv4Address("203.0.113.1")
    connect(world, other, gateway, "gw.example.org")
    assert world.run(30, lambda: is_up(other))
    world.run(5)
    assert not ended(client)
    assert len(gateway.leases) == 2
    assert len([each for each in gateway.questions if isinstance(each, AcquireConfiguration)]) == 2


def test_a_client_that_comes_back_ends_what_it_left_behind():
    world, gateway, client = two()
    assert up(world, client, gateway)
    again = Host("client", client.address, client.policy, client.randomness)
    world.hosts[client.address] = again
    connect(world, again, gateway, "gw.example.org")
    assert world.run(60, lambda: is_up(again))
    world.run(10)
    assert [each.kind.value for each in ended(gateway)] == ["connected-again"]
    assert len(gateway.leases) == 1


def test_a_client_that_proves_itself_anew_keeps_its_address():
    """Make before break (RFC 7296 §2.8.3): a second IKE SA beside the first, and the end of that."""
    world, gateway, client = two(client=replace(client_policy(), initial_contact=False))
    assert up(world, client, gateway)
    before = dict(gateway.leases)
    connect(world, client, gateway, "gw.example.org")
    assert world.run(20, lambda: len(client.of(Up)) == 2 and len(gateway.of(ChildUp)) == 2)
    assert gateway.leases == before
    assert len({each.session for each in gateway.of(ChildUp)}) == 1
    first = client.of(Up)[0].session
    world.do(client, client.endpoint.command(Disconnect(first, LoggedOut("alice")), world.now))
    world.run(20)
    assert not gateway.of(Ended)
    assert [each.session for each in gateway.of(Renewed)] == [gateway.of(Up)[0].session]
    assert gateway.leases == before
    (left,) = gateway.installed.values()
    assert left.sending
    assert left.replaces == gateway.of(ChildUp)[0].child.id


@pytest.mark.parametrize(("here", "there"), [(True, True), (True, False), (False, True)])
def test_extended_sequence_numbers_where_both_ends_take_them(here, there):
    world, gateway, client = two(gateway_policy(esn=here), client_policy(esn=there))
    assert up(world, client, gateway)
    for host in (gateway, client):
        assert [child.esn for child in host.installed.values()] == [here and there]


def timed(seconds: float):
    """A back end that grants every login so much time."""
    return lambda asked: Accepted(asked.attempt.user, Grants(session_time=seconds))


def test_a_client_logs_in_again_before_its_time_is_over():
    """Make before break: the same number, address and user, one SA pair more, and no other tunnel."""
    world, gateway, client = two(gateway_policy(eap=(EapMethod.GTC,)))
    gateway.answers[CheckLogin] = timed(100.0)
    assert up(world, client, gateway)
    assert world.run(90, lambda: bool(client.of(Renewed)) and len(client.of(ChildUp)) == 2)
    world.run(12)
    for host in (client, gateway):
        assert [len(host.of(each)) for each in (Up, Configured, Ended, Renewed)] == [1, 1, 0, 1]
        assert len(host.installed) == 1
        assert all(child.sending for child in host.installed.values())
        assert {each.session for each in host.of(ChildUp)} == {host.of(Up)[0].session}
    assert same_keys(client, gateway)
    assert len(gateway.leases) == 1


def test_a_login_anew_has_its_own_time():
    """Else AUTH_LIFETIME would ask for a login that helps nobody (RFC 4478)."""
    world, gateway, client = two(gateway_policy(eap=(EapMethod.GTC,)))
    gateway.answers[CheckLogin] = timed(100.0)
    assert up(world, client, gateway)
    world.run(350)
    assert len(gateway.of(Renewed)) == 4
    assert gateway.of(Ended) == client.of(Ended) == []
    assert len(gateway.leases) == 1


@pytest.mark.parametrize("second", [50.0, None])
def test_the_last_login_says_how_long(second):
    """Shorter than the first one, or without an end; one that is refused changes nothing."""
    world, gateway, client = two(gateway_policy(eap=(EapMethod.GTC,)))
    granted = [100.0, second]
    refused = Refused(WrongPassword("alice"))
    gateway.answers[CheckLogin] = lambda asked: timed(granted.pop(0))(asked) if granted else refused
    assert up(world, client, gateway)
    assert world.run(90, lambda: len(client.of(ChildUp)) == len(gateway.of(ChildUp)) == 2)
    begun, first = world.now, gateway.of(Up)[0].session
    over = world.run(1000, lambda: first in {each.session for each in gateway.of(Ended)})
    assert over == (second is not None)
    assert not over or world.now - begun == pytest.approx(50, abs=2)


def anew(world, client):
    """The client begins another login beside its connection."""
    (session,) = client.endpoint._sessions.by_id.values()
    session.registry.renew(session, world.now)
    world.do(client, client.endpoint._context.drain())


def test_a_gateway_sends_with_the_old_pair_until_the_client_has_the_new_one():
    """Its last answer may be late, and a packet that comes before it would be lost. The delete of the old IKE SA shows
    that the client has it."""
    world, gateway, client = two()
    assert up(world, client, gateway)
    (old,) = gateway.installed.values()
    anew(world, client)
    assert world.run(10, lambda: len(gateway.of(ChildUp)) == 2)
    made = gateway.of(ChildUp)[1].child.id
    assert not gateway.installed[made].sending
    assert gateway.installed[old.id].sending
    assert world.run(1, lambda: len(client.of(ChildUp)) == 2)
    world.run(opening.OLD_LINGER_S / 2)
    assert not gateway.installed[made].sending, "the delete may overtake what was sent by the old pair"
    assert world.run(sequence.BOTH_S / 2, lambda: gateway.installed[made].sending)


def test_a_gateway_does_not_wait_for_a_client_that_forgot_the_old_pair():
    world, gateway, client = two(client=replace(client_policy(), initial_contact=False))
    assert up(world, client, gateway)
    world.hosts[client.address] = again = Host("client", client.address, client.policy, client.randomness)
    connect(world, again, gateway, "gw.example.org")
    assert world.run(10, lambda: len(gateway.of(ChildUp)) == 2)
    made = gateway.of(ChildUp)[1].child.id
    assert not gateway.installed[made].sending
    world.run(sequence.BOTH_S)
    assert gateway.installed[made].sending


@pytest.mark.parametrize("alone", [{"uniqueness": Uniqueness.REFUSE}, {"max_sessions": 1}])
def test_a_person_who_may_have_one_session_logs_in_anew(alone):
    world, gateway, client = two(replace(gateway_policy(), **alone))
    assert up(world, client, gateway)
    for _ in range(3):
        anew(world, client)
        world.run(3)
    assert len(gateway.of(Renewed)) == len(client.of(Renewed)) == 3
    assert gateway.of(Ended) == client.of(Ended) == []
    assert len(gateway.leases) == 1


@pytest.mark.parametrize("wait", [0.0, 4.0, 6.0])
def test_a_client_that_comes_at_once_when_it_hears_its_time_is_not_told_again(wait):
    """strongSwan does so where the time is below its over_time, several times a second."""
    world, gateway, client = two(gateway_policy(eap=(EapMethod.GTC,)))
    gateway.answers[CheckLogin] = timed(1000.0)
    assert up(world, client, gateway)
    world.run(wait)
    for told in [None] if wait < 5 else [1000, None]:
        renewals = len(client.of(Renewed))
        anew(world, client)
        assert world.run(4, lambda before=renewals: len(client.of(Renewed)) > before)
        (session,) = client.endpoint._sessions.by_id.values()
        assert session.abilities.login_lifetime == told


@pytest.mark.parametrize("who", ["client", "gateway"])
def test_other_keys_do_not_lengthen_a_login(who):
    """The time of a login goes on where either end renews the keys of its session."""
    world, gateway, client = two(gateway_policy(eap=(EapMethod.GTC,)))
    gateway.answers[CheckLogin] = timed(100.0)
    assert up(world, client, gateway)
    host = client if who == "client" else gateway
    for _ in range(2):
        (session,) = host.endpoint._sessions.by_id.values()
        upkeep.renew(session, world.now)
        world.do(host, host.endpoint._context.drain())
        world.run(10)
    assert len(client.of(Renewed)) == len(gateway.of(Renewed)) == 2
    assert world.run(65, lambda: len(client.of(ChildUp)) == 2), "the client logs in again in time"
    world.run(12)
    for each in (client, gateway):
        assert [len(each.of(kind)) for kind in (Up, Ended, Renewed)] == [1, 0, 3]
        assert len(each.installed) == 1


@pytest.mark.parametrize("who", ["client", "gateway"])
def test_a_login_that_is_not_renewed_ends_though_keys_were(who):
    world, gateway, client = two(gateway_policy(eap=(EapMethod.GTC,)), replace(client_policy(), rekey=False))
    gateway.answers[CheckLogin] = timed(100.0)
    assert up(world, client, gateway)
    host = client if who == "client" else gateway
    (session,) = host.endpoint._sessions.by_id.values()
    upkeep.renew(session, world.now)
    world.do(host, host.endpoint._context.drain())
    assert not world.run(90, lambda: bool(gateway.of(Ended)))
    assert world.run(12, lambda: bool(gateway.of(Ended)))
    assert ended(gateway)[0].kind.value == "session-time-over"


def test_a_retired_pair_goes_though_keys_were_renewed_meanwhile():
    world, gateway, client = two(gateway_policy(eap=(EapMethod.GTC,)))
    gateway.answers[CheckLogin] = timed(100.0)
    assert up(world, client, gateway)
    assert world.run(90, lambda: len(client.of(ChildUp)) == len(gateway.of(ChildUp)) == 2)
    upkeep.renew(client.endpoint._sessions.by_id[client.of(Up)[0].session], world.now)
    world.do(client, client.endpoint._context.drain())
    world.run(15)
    assert [len(host.installed) for host in (client, gateway)] == [1, 1]


def test_a_client_whose_address_changes_with_another_login_tells_its_host():
    world, gateway, client = two(gateway_policy(eap=(EapMethod.GTC,)))
    gateway.answers[CheckLogin] = timed(100.0)
    assert up(world, client, gateway)
    session = gateway.endpoint._sessions.by_id[gateway.of(Up)[0].session]
    session.proved = replace(session.proved, identity=Identity(IdKind.FQDN, b"another device"))
    assert world.run(90, lambda: len(client.of(Configured)) == 2)
    assert [each.new for each in client.of(Readdressed)] == ["10.99.99.2"]
    world.run(15)
    assert {str(each.local_networks[0]) for each in client.installed.values()} == {"10.99.99.2/32"}


@pytest.mark.parametrize("method", [EapMethod.MSCHAPV2, EapMethod.GTC])
def test_a_gateway_that_falls_silent_at_the_login(method):
    """As OpenIKED does at a wrong password; the person hears of that, and not of a network that fails alone."""
    world, gateway, client = two(gateway_policy(eap=(method,)))
    gateway.slow = 1e6
    assert not up(world, client, gateway, 300.0)
    (reason,) = ended(client)
    assert reason == SilentAtLogin(IPv4Address("192.0.2.50"), "alice")
    assert reason.cause is Cause.NO_ANSWER


def test_a_gateway_that_falls_silent_before_it_asks_for_a_login_is_not_suspected():
    world, gateway, client = two()
    connect(world, client, gateway, "gw.example.org")
    assert world.run(10.0, lambda: bool(client.of(PhaseOneUp)))
    del world.hosts[gateway.address]
    world.run(300.0)
    (reason,) = ended(client)
    assert isinstance(reason, NoAnswer)
