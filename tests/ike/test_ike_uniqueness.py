"""Several sessions of one person: kept, replaced or refused as the administrator says, and never before the login."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from lotor.ike import stale
from lotor.ike.events import Ended, LoggedIn, LoginRefused, Renewed
from lotor.ike.intents import Disconnect
from lotor.ike.questions import AskPerson, CheckLogin, LastInbound
from lotor.ike.v1 import informational
from lotor.ike.v1.liveness import SAME_PACKET_S
from lotor.model.algorithms import AuthMethod
from lotor.model.identity import Identity, IdKind
from lotor.model.login import Accepted, Challenge, Credentials
from lotor.model.policy import Policy, ProposalCheck, Uniqueness
from lotor.model.prompt import Field
from lotor.model.reason import Cause
from lotor.model.reasons.ends import ClosedHere
from lotor.model.secret import Secret
from lotor.wire.v1.numbers import NotifyType
from lotor.wire.v1.payloads import Notification, VendorId
from lotor.wire.v1.proposals import ike_transform
from lotor.wire.v1.vendors import Vendor
from peers.counter import Counter
from peers.speaker import Manners, Speaker
from peers.world import CHILD, CLIENT, GATEWAY, CheapRandomness, Host, connect, is_up, pair

ALICE = Identity(IdKind.USER_FQDN, b"alice@example.org")
USERS = (("alice", "wonderland"), ("bob", "builder"))


def _meeting(uniqueness, method=AuthMethod.HYBRID_RSA, login=USERS[0], **client):
    """A gateway with a client that is up, and a second client elsewhere; `client` changes the policy of both."""
    suites = (replace(GATEWAY.proposals[0], method=method),)
    world, gateway, first = pair(
        gateway=replace(GATEWAY, uniqueness=uniqueness, proposals=suites),
        client=replace(CLIENT, proposals=suites, certificates=GATEWAY.certificates, my_identity=ALICE, **client),
    )
    gateway.users = USERS
    second = Host(
        "second", IPv4Address("198.51.100.20"), Policy(first.policy.remotes, CHILD), CheapRandomness(99), login=login
    )
    world.add(second, behind=IPv4Address("203.0.113.2"))
    connect(world, first, gateway)
    assert world.run(10, lambda: is_up(first))
    return world, gateway, first, second


def test_by_default_both_sessions_stay():
    world, gateway, first, second = _meeting(Uniqueness.KEEP)
    connect(world, second, gateway)
    assert world.run(10, lambda: is_up(second))
    world.run(60)
    assert not first.of(Ended)
    assert not gateway.of(Ended)
    assert len(set(gateway.leases.values())) == 2


@pytest.mark.parametrize("method", [AuthMethod.HYBRID_RSA, AuthMethod.XAUTH_PSK, AuthMethod.XAUTH_RSA, AuthMethod.RSA])
def test_the_newer_session_replaces_the_older_one_which_hears_it(method):
    world, gateway, first, second = _meeting(Uniqueness.REPLACE, method)
    connect(world, second, gateway)
    assert world.run(10, lambda: is_up(second))
    world.run(5)
    assert first.of(Ended)[0].reason.cause is Cause.PEER_CLOSED
    (ended,) = gateway.of(Ended)
    assert ended.reason.cause is Cause.REPLACED
    assert "203.0.113.2" in ended.reason.text
    assert len(gateway.installed) == 1


def test_a_second_session_is_refused_and_both_ends_know_why():
    world, gateway, first, second = _meeting(Uniqueness.REFUSE)
    connect(world, second, gateway)
    assert world.run(30, lambda: bool(second.of(Ended)))
    reason = second.of(Ended)[0].reason
    assert reason.cause is Cause.ALREADY_CONNECTED
    assert "alice is logged in already from 203.0.113.1" in reason.text
    assert gateway.of(LoginRefused)[0].reason.clause == "alice is logged in already from 203.0.113.1"
    assert not first.of(Ended)
    assert len(gateway.leases) == 1
    session = first.of(LoggedIn) or gateway.of(LoggedIn)
    assert len(session) == 1


def test_once_the_first_has_left_the_second_is_let_in():
    world, gateway, first, second = _meeting(Uniqueness.REFUSE)
    world.do(first, first.endpoint.command(Disconnect(1, ClosedHere()), world.now))
    world.run(5)
    connect(world, second, gateway)
    assert world.run(10, lambda: is_up(second))


@pytest.mark.parametrize("uniqueness", [Uniqueness.REPLACE, Uniqueness.REFUSE])
def test_another_person_is_not_concerned(uniqueness):
    world, gateway, first, second = _meeting(uniqueness, login=USERS[1])
    connect(world, second, gateway)
    assert world.run(10, lambda: is_up(second))
    assert not first.of(Ended)


@pytest.mark.parametrize("uniqueness", [Uniqueness.REPLACE, Uniqueness.REFUSE])
def test_a_wrong_password_decides_nothing(uniqueness):
    world, gateway, first, second = _meeting(uniqueness, login=("alice", "guessed"))
    connect(world, second, gateway)
    assert world.run(60, lambda: bool(second.of(Ended)))
    assert second.of(Ended)[0].reason.cause is Cause.LOGIN_REFUSED
    assert not first.of(Ended)


@pytest.mark.parametrize("uniqueness", list(Uniqueness))
def test_the_same_device_comes_back_whatever_the_rule(uniqueness):
    """Its INITIAL-CONTACT says that it holds nothing any more."""
    world, gateway, first, _ = _meeting(uniqueness)
    first.endpoint = type(first.endpoint)(first.policy, CheapRandomness(1234))
    first.events.clear()
    connect(world, first, gateway)
    assert world.run(10, lambda: is_up(first)), [event.text() for event in first.events + gateway.events]
    assert [event.reason.cause for event in gateway.of(Ended)] == [Cause.REPLACED]
    assert list(gateway.leases.values()) == [IPv4Address("10.99.99.1")]


def _neighbour(world, gateway, first):
    """Another device of the same person: the same private address and identity behind the same NAT, another port."""
    world.nat[IPv4Address("198.51.100.30")] = IPv4Address("203.0.113.1")
    second = Host("second", IPv4Address("198.51.100.30"), first.policy, CheapRandomness(77))
    world.add(second)
    connect(world, second, gateway)
    return second


@pytest.mark.parametrize("method", [AuthMethod.HYBRID_RSA, AuthMethod.XAUTH_PSK, AuthMethod.PSK, AuthMethod.RSA])
def test_two_devices_with_one_identity_behind_one_nat_both_stay(method):
    world, gateway, first, _ = _meeting(Uniqueness.KEEP, method)
    second = _neighbour(world, gateway, first)
    assert world.run(20, lambda: is_up(second))
    world.run(120)
    assert not first.of(Ended)
    assert not second.of(Ended)
    assert len(set(gateway.leases.values())) == 2
    assert len(gateway.installed) == 2


@pytest.mark.parametrize("method", [AuthMethod.HYBRID_RSA, AuthMethod.PSK])
def test_what_a_device_left_behind_at_another_port_ends_when_it_does_not_answer(method):
    world, gateway, first, _ = _meeting(Uniqueness.KEEP, method)
    world.hosts.pop(first.address)
    second = _neighbour(world, gateway, first)
    assert world.run(20, lambda: is_up(second))
    world.run(5)
    (ended,) = gateway.of(Ended)
    assert ended.reason.cause is Cause.REPLACED
    assert len(gateway.installed) == 1
    if method is not AuthMethod.PSK:
        assert list(gateway.leases.values()) == [IPv4Address("10.99.99.1")]


@pytest.mark.parametrize("method", [AuthMethod.HYBRID_RSA, AuthMethod.PSK, AuthMethod.RSA])
def test_initial_contact_in_a_message_of_its_own_counts(method):
    """racoon says it after phase 1, when the gateway has let in already who needs no login."""
    world, gateway, first, _ = _meeting(Uniqueness.KEEP, method)
    remotes = tuple(replace(remote, initial_contact=False) for remote in first.policy.remotes)
    first.policy = Policy(remotes, CHILD)
    world.hosts.pop(first.address)
    second = _neighbour(world, gateway, first)
    assert world.run(20, lambda: is_up(second))
    world.run(5)
    assert not gateway.of(Ended)
    session = second.endpoint._sessions.by_id[1]
    informational.say(session, Notification(NotifyType.INITIAL_CONTACT, spi=bytes(16)))
    world.do(second, session.context.drain())
    world.run(5)
    assert [event.reason.cause for event in gateway.of(Ended)] == [Cause.REPLACED]
    assert len(gateway.installed) == 1
    assert not second.of(Ended)


def test_who_says_initial_contact_after_the_login_is_gone_when_it_has_left():
    """It is proved twice, but it is one session: nothing of it bars the person, or is kept."""
    world, gateway, first, second = _meeting(Uniqueness.REFUSE, initial_contact=False)
    session = first.endpoint._sessions.by_id[1]
    for _ in range(3):
        informational.say(session, Notification(NotifyType.INITIAL_CONTACT, spi=bytes(16)))
        world.do(first, session.context.drain())
        world.run(1)
    leave = Disconnect(1, ClosedHere())
    world.do(first, first.endpoint.command(leave, world.now))
    assert world.run(10, lambda: bool(gateway.of(Ended)))
    assert not gateway.endpoint._sessions._proved
    connect(world, second, gateway)
    assert world.run(20, lambda: is_up(second)), [event.text() for event in gateway.events]


def test_traffic_is_life_for_a_device_in_doubt():
    world, gateway, first, _ = _meeting(Uniqueness.KEEP)
    world.hosts.pop(first.address)
    gateway.answers[LastInbound] = lambda question: world.now
    second = _neighbour(world, gateway, first)
    assert world.run(20, lambda: is_up(second))
    assert not gateway.of(Ended)


def test_a_packet_from_before_is_no_life_although_its_time_is_told_a_little_later():
    """Two clocks: the engine reckons the time of the last packet anew at each question."""
    world, gateway, first, _ = _meeting(Uniqueness.KEEP)
    world.hosts.pop(first.address)
    asked = []

    def last(_):
        asked.append(world.now)
        return asked[0] - stale.PROBE_SCHEDULE[0] + SAME_PACKET_S / 2

    gateway.answers[LastInbound] = last
    second = _neighbour(world, gateway, first)
    assert world.run(20, lambda: is_up(second))
    assert asked
    assert gateway.of(Ended)


def test_a_device_in_doubt_counts_for_who_may_have_one_session():
    world, gateway, first, _ = _meeting(Uniqueness.REFUSE)
    second = _neighbour(world, gateway, first)
    assert world.run(30, lambda: bool(second.of(Ended)))
    assert second.of(Ended)[0].reason.cause is Cause.ALREADY_CONNECTED
    assert not first.of(Ended)


@pytest.mark.parametrize("uniqueness", [Uniqueness.REPLACE, Uniqueness.REFUSE])
def test_a_shared_key_names_nobody(uniqueness):
    world, gateway, first, second = _meeting(uniqueness, AuthMethod.PSK)
    connect(world, second, gateway)
    assert world.run(10, lambda: is_up(second))
    assert not first.of(Ended)


def _with_codes(gateway, client):
    """A back end that wants a passcode after the password, and a person who has one token."""
    codes = iter(["111111"])

    def check(question):
        if not question.attempt.conversation:
            return Challenge("Passcode?", (Field.PASSCODE,), "after the password")
        assert question.attempt.answer(Field.PASSCODE).reveal() == b"111111"
        return Accepted("alice")

    def person(question):
        if question.wants == (Field.PASSCODE,):
            return Credentials(((Field.PASSCODE, Secret(next(codes))),))
        return Credentials(((Field.USER_NAME, Secret("alice")), (Field.PASSWORD, Secret("wonderland"))))

    gateway.answers[CheckLogin], client.answers[AskPerson] = check, person


def test_a_one_time_password_is_asked_for_once_a_day():
    suites = (replace(GATEWAY.proposals[0], lifetime=600),)
    world, gateway, client = pair(gateway=replace(GATEWAY, proposals=suites), client=replace(CLIENT, proposals=suites))
    _with_codes(gateway, client)
    connect(world, client, gateway)
    assert world.run(10, lambda: is_up(client))
    world.run(80000)
    assert not client.of(Ended), [event.text() for event in client.of(Ended)]
    assert not gateway.of(Ended)
    assert len([question for question in client.questions if isinstance(question, AskPerson)]) == 2
    world.run(10000)
    assert [event.reason.cause for event in gateway.of(Ended)] in ([Cause.EXPIRED], [Cause.PEER_CLOSED])


def test_n11_a_peer_that_calls_itself_like_a_user_is_not_that_user():
    """A shared key or a certificate beside logins: the names of the one are none of the other."""
    world, gateway, first, _ = _meeting(Uniqueness.REPLACE)
    suites = (replace(GATEWAY.proposals[0], method=AuthMethod.RSA),)
    beside = replace(gateway.policy.remotes[0], name="certified", proposals=suites)
    gateway.endpoint._context.policy = replace(gateway.policy, remotes=(*gateway.policy.remotes, beside))
    for number, kind in enumerate((IdKind.FQDN, IdKind.KEY_ID), 40):
        named = replace(
            CLIENT, proposals=suites, certificates=GATEWAY.certificates, my_identity=Identity(kind, b"alice")
        )
        address = IPv4Address("198.51.100.0") + number
        host = Host(str(number), address, Policy((named,), CHILD), CheapRandomness(number))
        world.add(host, behind=IPv4Address("203.0.113.0") + number)
        connect(world, host, gateway)
        assert world.run(10, lambda: is_up(host)), [event.text() for event in host.events]  # noqa: B023
    world.run(5)
    assert not gateway.of(Ended)
    assert not first.of(Ended)


@pytest.mark.parametrize("clear", [True, False])
def test_n8_what_stands_beside_a_clear_proof_counts_for_nothing(clear):
    """Anybody on the way may have put INITIAL-CONTACT or a vendor id there: the hash does not cover them."""
    counter = Counter(Policy((replace(GATEWAY, proposal_check=ProposalCheck.CLAIM),), CHILD))
    longer = replace(GATEWAY.proposals[0], lifetime=99999)
    manners = Manners(
        transforms=(ike_transform(1, longer),),
        obeys=True,
        clear_third=clear,
        initial_contact=True,
        third=(VendorId(Vendor.CISCO_VPNC.value),),
    )
    speaker = Speaker(manners=manners)
    speaker.second(b"".join(filter(None, map(speaker.whole, counter.receive(speaker.first())))))
    counter.receive(speaker.third())
    (session,) = counter.endpoint._sessions.by_id.values()
    assert session.established
    assert session.initial_contact is not clear
    assert (Vendor.CISCO_VPNC in session.phase_one.vendors) is not clear
    assert session.phase_one.suite.lifetime == (28800 if clear else 99999)


def _crowd(gateway_policy, devices, **changes):
    """A gateway with so many devices of alice, each at an address of its own, all up; and one more that is not."""
    world, gateway, first = pair(gateway=gateway_policy, client=replace(CLIENT, my_identity=ALICE, **changes))
    gateway.users = USERS
    hosts = [first]
    for number in range(devices):
        at = IPv4Address("198.51.100.20") + number
        host = Host(f"device {number}", at, Policy(first.policy.remotes, CHILD), CheapRandomness(900 + number))
        hosts.append(world.add(host, behind=IPv4Address("203.0.113.2") + number))
    *others, last = hosts
    for host in others:
        connect(world, host, gateway)
        assert world.run(10, lambda host=host: is_up(host))
    return world, gateway, others, last


def test_n14_all_sessions_in_doubt_are_asked_at_the_same_time():
    """Ten devices behind one NAT are gone; who comes back with INITIAL-CONTACT waits once, not ten times."""
    world, gateway, first, _ = _meeting(Uniqueness.KEEP)
    gone = [first]
    for number in range(9):
        at = IPv4Address("198.51.100.40") + number
        host = Host(f"gone {number}", at, Policy(first.policy.remotes, CHILD), CheapRandomness(700 + number))
        gone.append(world.add(host, behind=world.nat[first.address]))
        connect(world, host, gateway)
        assert world.run(10, lambda host=host: is_up(host))
    ended = len(gateway.of(Ended))
    for host in gone:
        world.hosts.pop(host.address)
    back = _neighbour(world, gateway, first)
    asked = world.now
    assert world.run(60, lambda: is_up(back))
    assert world.now - asked <= stale.PROBE_SCHEDULE[-1] + 2
    assert len(gateway.of(Ended)) - ended == len(gone)


@pytest.mark.parametrize("method", [AuthMethod.HYBRID_RSA, AuthMethod.RSA])
def test_f10_a14_a_person_has_as_many_sessions_as_the_gateway_allows(method):
    suites = (replace(GATEWAY.proposals[0], method=method),)
    own = {"proposals": suites, "certificates": GATEWAY.certificates}
    policy = replace(GATEWAY, max_sessions=3, proposals=suites)
    world, gateway, others, last = _crowd(policy, 3, **own)
    connect(world, last, gateway)
    assert world.run(60, lambda: bool(last.of(Ended)))
    world.run(1)
    assert len(gateway.installed) == 3
    if method is AuthMethod.RSA:
        assert "already 3 times, max_sessions is 3" in gateway.of(Ended)[-1].reason.text
    else:
        assert last.of(Ended)[0].reason.cause is Cause.ALREADY_CONNECTED
        assert "max_sessions is 3" in last.of(Ended)[0].reason.text
        assert "max_sessions is 3" in gateway.of(LoginRefused)[-1].reason.clause
    assert not any(host.of(Ended) for host in others)
    leave = Disconnect(1, ClosedHere())
    world.do(others[0], others[0].endpoint.command(leave, world.now))
    world.run(2)
    connect(world, last, gateway)
    assert world.run(10, lambda: is_up(last))


def test_f10_a14_sessions_of_devices_that_are_gone_do_not_lock_a_person_out():
    world, gateway, others, last = _crowd(replace(GATEWAY, max_sessions=3), 3)
    for host in others[:2]:
        world.hosts.pop(host.address)
    connect(world, last, gateway)
    assert world.run(10, lambda: is_up(last))
    assert len(gateway.of(Ended)) == 2
    assert not others[2].of(Ended)


def test_f10_a14_whoever_has_all_sessions_still_renews_them_and_others_are_let_in():
    world, gateway, others, last = _crowd(replace(GATEWAY, max_sessions=2), 2)
    for host in others:
        session = host.endpoint._sessions.by_id[1]
        host.endpoint._renew(session, world.now, None, None)
        world.do(host, session.context.drain())
    world.run(20)
    assert len(gateway.of(Renewed)) == 2
    assert not gateway.of(Ended)
    last.login = USERS[1]
    connect(world, last, gateway)
    assert world.run(10, lambda: is_up(last))
