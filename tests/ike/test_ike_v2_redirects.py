"""Clients that are sent to another gateway: in IKE_SA_INIT, in IKE_AUTH and later, by whom they let themselves be sent,
and how far (RFC 5685)."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from lotor.explain import narrative
from lotor.explain.attempts import Attempts
from lotor.ike.events import (
    Configured,
    Drained,
    Draining,
    Dropped,
    Ended,
    MovesOn,
    PathChanged,
    SentAway,
    Started,
    Up,
)
from lotor.ike.intents import Connect, SendElsewhere
from lotor.ike.questions import AskPerson, CheckMschap, FindWay, JudgePeer
from lotor.ike.v2 import redirects as sending
from lotor.ike.v2 import seal, voice
from lotor.ike.v2.denied import Denied
from lotor.model.judgement import Failure, Untrusted
from lotor.model.network import Path, Peer
from lotor.model.policy import Policy
from lotor.model.reasons import ends
from lotor.model.reasons.certificates import WrongSignature
from lotor.model.reasons.local import NotResolved
from lotor.model.redirection import Detour, Occasion, Redirection, named
from lotor.wire.errors import Malformed
from lotor.wire.header import Header
from lotor.wire.v2 import redirects
from lotor.wire.v2.chain import parse_chain
from lotor.wire.v2.numbers import VERSION, ExchangeType, Flag, NotifyType
from lotor.wire.v2.payloads import Authentication, Nonce, Notification
from lotor.wire.v2.redirects import Redirect
from peers.auth import client_policy, gateway_policy
from peers.frame import sessions
from peers.world import CHILD, CheapRandomness, Host, connect, is_up, pair

ONE, TWO = IPv4Address("192.0.2.50"), IPv4Address("192.0.2.60")
NAME = "gw2.example.org"


def sends(*gateways: str, when: Occasion = Occasion.ALWAYS, proved: bool = False) -> Redirection:
    return Redirection(gateways, frozenset({when}), proved)


def three(redirect: Redirection | None = None, back: Redirection | None = None, **client):
    """A client, the gateway that it knows, and another one."""
    world, first, person = pair(gateway=gateway_policy(redirect=redirect), client=client_policy(**client))
    second = Host("second", TWO, Policy((gateway_policy(redirect=back),), CHILD), CheapRandomness(77))
    world.add(second)
    person.answers[FindWay] = lambda asked: way(person, {NAME: TWO}.get(asked.gateway) or IPv4Address(asked.gateway))
    return world, first, second, person


def way(person: Host, there: IPv4Address) -> Path:
    return Path(Peer(person.address, 500), Peer(there, 500))


def follow(world, person: Host) -> None:
    """What the runtime does for a call that came to a redirect."""
    sent = person.of(Ended)[-1].reason
    detour = Detour(ONE, sent.by, sent.gateway if sent.proved else "")
    there = person.answers[FindWay](FindWay(sent.gateway, 500))
    world.do(
        person, person.endpoint.command(Connect(person.policy.remotes[0].name, there, 8, "vpn", 2, detour), world.now)
    )


def drain(world, gateway: Host, *there: str, over: bool = False) -> None:
    world.do(gateway, gateway.endpoint.command(SendElsewhere(there, over), world.now))


# --- the first message -----------------------------------------------------------------------------------------------


def test_a_client_is_sent_elsewhere_before_anything_costs():
    world, first, second, person = three(sends(str(TWO)))
    connect(world, person, first, "vpn")
    assert world.run(10, lambda: person.of(Ended))
    assert person.of(Ended)[0].reason == ends.Redirected(ONE, str(TWO), proved=False)
    assert first.of(Ended)[0].reason == ends.SentElsewhere(str(TWO))
    assert not [each for each in first.questions if type(each).__name__ == "Agree"]
    follow(world, person)
    assert world.run(20, lambda: is_up(person) and is_up(second))
    assert person.of(Started)[-1].called == ONE
    (asked,) = [each.proof for each in person.questions if isinstance(each, JudgePeer)]
    assert (asked.address, asked.host, asked.vouched) == (ONE, "vpn", "")


def test_the_other_gateway_hears_who_sent_the_client():
    world, first, second, person = three(sends(str(TWO)), back=sends(str(ONE)))
    connect(world, person, first)
    assert world.run(10, lambda: person.of(Ended))
    follow(world, person)
    assert world.run(20, lambda: is_up(person) and is_up(second))  # it does not send it back


def test_a_client_that_does_not_follow_is_let_in():
    world, first, _second, person = three(sends(str(TWO)), follows=False)
    connect(world, person, first)
    assert world.run(20, lambda: is_up(person) and is_up(first))


@pytest.mark.parametrize("nonce", [b"", bytes(32), "shorter"])
def test_a_redirect_that_does_not_show_our_nonce_is_nothing(nonce):
    world, first, _second, person = three()
    connect(world, person, first)
    (asked,) = [data for *_, data in world.wire]
    own = parse_chain(Header.decode(asked).next_payload, asked[Header.SIZE :]).only(Nonce).data
    forged = forge(asked, Redirect(TWO, own[:-1] if nonce == "shorter" else nonce))
    world.do(person, person.endpoint.receive(forged, way(person, ONE), world.now))
    assert person.of(Ended) == []
    assert len(person.of(Dropped)) == 1
    assert world.run(20, lambda: is_up(person) and is_up(first))


def forge(asked: bytes, *redirects_: Redirect, data: bytes | None = None) -> bytes:
    header = Header.decode(asked)
    answer = Header(header.initiator, bytes(8), 0, ExchangeType.IKE_SA_INIT, Flag.RESPONSE, 0, version=VERSION)
    note = Notification(NotifyType.REDIRECT, data) if data is not None else redirects_[0].notification()
    return seal.clear(answer, (note,))


@pytest.mark.parametrize(
    "data", [b"", b"\x01", b"\x01\x04\x0a", b"\x03\x00", b"\x03\x03a b", b"\x09\x01a", b"\x01\x03abc"]
)
def test_a_redirect_to_nobody_is_nothing(data):
    world, first, _second, person = three()
    connect(world, person, first)
    (asked,) = [data for *_, data in world.wire]
    world.do(person, person.endpoint.receive(forge(asked, data=data), way(person, ONE), world.now))
    assert person.of(Ended) == []
    assert world.run(20, lambda: is_up(person))


@pytest.mark.parametrize(
    "gateway", ["-a.b", "a b", "a\x00b", "é.example", "x" * 254, "", "a..b", "a/b", "fe80::1%\n\x1b[2J"]
)
def test_no_name_is_looked_up_that_is_none(gateway):
    with pytest.raises(ValueError, match="neither"):
        named(gateway)
    octets = gateway.encode()[:255]
    with pytest.raises(Malformed):
        redirects._read(bytes([3, len(octets)]) + octets)


@pytest.mark.parametrize("gateway", [TWO, IPv4Address("198.51.100.1"), NAME])
def test_gateways_are_written_and_read(gateway):
    redirect = Redirect(gateway, b"n" * 32)
    assert redirects._read(redirect.notification().data) == (gateway, b"n" * 32)


def test_a_client_that_asked_for_no_redirect_goes_nowhere():
    world, first, _second, person = three(follows=False)
    connect(world, person, first)
    (asked,) = [data for *_, data in world.wire]
    own = parse_chain(Header.decode(asked).next_payload, asked[Header.SIZE :]).only(Nonce).data
    world.do(person, person.endpoint.receive(forge(asked, Redirect(TWO, own)), way(person, ONE), world.now))
    assert world.run(20, lambda: is_up(person) and is_up(first))


# --- IKE_AUTH --------------------------------------------------------------------------------------------------------


def test_a_client_that_is_proved_is_sent_elsewhere_and_the_name_counts_there():
    world, first, second, person = three(sends(NAME, proved=True))
    connect(world, person, first, "vpn")
    assert world.run(20, lambda: person.of(Ended))
    assert person.of(Ended)[0].reason == ends.Redirected(ONE, NAME, proved=True)
    assert world.run(20, lambda: first.of(Ended))
    assert first.of(Ended)[0].reason == ends.SentElsewhere(NAME)
    assert first.leases == {}
    follow(world, person)
    assert world.run(20, lambda: is_up(person) and is_up(second))
    assert [each.proof.vouched for each in person.questions if isinstance(each, JudgePeer)] == ["", NAME]


def test_nobody_types_a_password_for_a_gateway_that_does_not_keep_him():
    world, first, _second, person = three(sends(NAME, proved=True))
    connect(world, person, first, "vpn")
    assert world.run(20, lambda: person.of(Ended) and first.of(Ended))
    assert not {AskPerson, CheckMschap} & {type(each) for each in (*person.questions, *first.questions)}
    world.run(60)
    assert sessions(first) == []


def test_what_no_proof_stands_beside_sends_nobody_anywhere():
    """A gateway that proves itself inside of EAP alone (RFC 5998) has not done so before the login."""
    world, first, _second, person = connected(sends(NAME, when=Occasion.FULL, proved=True))
    (session,) = sessions(first)
    everybody = replace(session.terms, redirect=sends(NAME, proved=True))
    session.remote = replace(session.remote, v2=everybody)
    sending.demand_login_here(session, ())
    with pytest.raises(Denied):
        sending.demand_login_here(session, (Authentication(2, b"proof"),))
    world.run(1)
    assert person.of(Ended) == []


def test_a_gateway_that_proves_nothing_sends_nobody_anywhere():
    world, first, _second, person = three(sends(NAME, proved=True))
    person.answers[JudgePeer] = unbelieved
    connect(world, person, first, "vpn")
    assert world.run(20, lambda: person.of(Ended))
    assert not isinstance(person.of(Ended)[0].reason, ends.Redirected)
    assert AskPerson not in {type(each) for each in person.questions}


def unbelieved(_) -> Untrusted:
    return Untrusted(WrongSignature("CN=nobody"))


def test_a_full_gateway_sends_clients_on_that_follow():
    world, first, second, person = three(sends(str(TWO), when=Occasion.FULL))
    first.pool.clear()
    connect(world, person, first)
    assert world.run(20, lambda: person.of(Ended))
    assert person.of(Ended)[0].reason == ends.Redirected(ONE, str(TWO), proved=True)
    follow(world, person)
    assert world.run(20, lambda: is_up(person) and is_up(second))


def test_a_full_gateway_refuses_clients_that_do_not():
    world, first, _second, person = three(sends(str(TWO), when=Occasion.FULL), follows=False)
    first.pool.clear()
    connect(world, person, first)
    assert world.run(20, lambda: person.of(Ended))
    assert person.of(Ended)[0].reason.kind.value == "no-address-given"


def test_a_gateway_that_has_room_keeps_its_clients():
    world, first, _second, person = three(sends(str(TWO), when=Occasion.FULL))
    connect(world, person, first)
    assert world.run(20, lambda: is_up(person) and is_up(first))


# --- later -----------------------------------------------------------------------------------------------------------


def connected(redirect: Redirection | None = None, **client):
    world, first, second, person = three(redirect, **client)
    connect(world, person, first, "vpn")
    assert world.run(20, lambda: is_up(person) and is_up(first))
    world.run(2)
    return world, first, second, person


def test_a_client_that_is_connected_goes_where_it_is_sent_and_is_never_without_a_tunnel():
    world, first, second, person = connected()
    drain(world, first, NAME)
    assert first.of(Draining)[0].text() == (
        f"draining to {NAME}: connected clients asked to go: 1, that cannot be asked: 0"
    )
    assert world.run(30, lambda: is_up(second) and first.of(Ended))
    world.run(20)
    assert len(first.of(SentAway)) == len(person.of(MovesOn)) == 1
    assert person.of(Ended) == []
    assert isinstance(first.of(Ended)[0].reason, ends.PeerDeleted)
    (session,) = sessions(person)
    assert session.path.remote.address == TWO
    assert [each.new.remote.address for each in person.of(PathChanged)] == [TWO]
    assert len(person.installed) == 2 or person.installed
    assert [each.proof.vouched for each in person.questions if isinstance(each, JudgePeer)] == ["", NAME]


@pytest.mark.parametrize("after", [0.0, 0.01, 0.05])
def test_who_is_on_his_way_is_not_asked_to_log_in_again(after):
    """An administrator types it twice."""
    world, first, second, person = connected()
    for _ in range(2):
        drain(world, first, NAME)
        world.run(after)
    assert world.run(30, lambda: is_up(second) and first.of(Ended))
    world.run(60)
    assert len([each for each in person.questions if isinstance(each, AskPerson)]) == 2
    assert len(person.of(Started)) == 2
    assert [len(sessions(host)) for host in (first, second, person)] == [0, 1, 1]


@pytest.mark.parametrize("wanted", [str(ONE), str(TWO)])
def test_an_attempt_is_found_under_the_gateway_that_was_called_and_the_one_it_is_at(wanted):
    world, first, second, person = connected()
    drain(world, first, NAME)
    assert world.run(30, lambda: is_up(second) and first.of(Ended))
    attempts = Attempts(lambda: 0.0)
    for event in person.events:
        attempts.follow(event)
    (found,) = attempts.find(wanted)
    assert (found.address, found.moved_to) == (str(ONE), str(TWO))
    assert f"to the gateway {ONE}, since then {TWO}" in narrative.rows(found)[0].text


def test_whom_it_was_sent_to_still_counts_when_it_logs_in_again():
    world, first, second, person = connected()
    drain(world, first, NAME)
    assert world.run(30, lambda: is_up(second) and first.of(Ended))
    (session,) = sessions(person)
    assert session.dialled.detour == Detour(ONE, ONE, NAME)
    session.registry.renew(session, world.now)
    world.do(person, person.endpoint.tick(world.now))
    world.run(20)
    assert [each.proof.vouched for each in person.questions if isinstance(each, JudgePeer)][-1] == NAME


def test_one_that_does_not_follow_stays():
    world, first, _second, person = connected(follows=False)
    drain(world, first, NAME)
    world.run(30)
    assert (first.of(Draining)[0].asked, first.of(Draining)[0].stay) == (0, 1)
    assert first.of(Ended) == person.of(Ended) == []


@pytest.mark.parametrize("found", [Failure(NotResolved("cannot resolve it")), None])
def test_it_stays_where_it_is_when_the_other_one_is_not_there(found):
    """Its name leads nowhere, or nobody answers."""
    world, first, _second, person = connected()
    nowhere = way(person, IPv4Address("192.0.2.77"))
    person.answers[FindWay] = lambda _: found or nowhere
    drain(world, first, NAME)
    world.run(300)
    assert [each.session for each in person.of(Ended)] == ([] if found else [2])
    assert first.of(Ended) == []
    assert sessions(person)[0].path.remote.address == ONE


def test_those_who_come_are_sent_on_while_it_is_draining_and_let_in_again_afterwards():
    world, first, _second, person = three()
    drain(world, first, str(TWO))
    connect(world, person, first)
    assert world.run(10, lambda: person.of(Ended))
    assert isinstance(person.of(Ended)[0].reason, ends.Redirected)
    drain(world, first, over=True)
    drain(world, first, over=True)
    assert len(first.of(Drained)) == 1
    connect(world, person, first)
    assert world.run(20, lambda: is_up(person) and is_up(first))


def test_a_gateway_that_names_none_uses_those_of_its_block():
    world, first, second, _person = connected(sends(NAME, when=Occasion.DRAINING))
    drain(world, first)
    assert world.run(30, lambda: is_up(second) and first.of(Ended))


def test_nor_does_it_send_anybody_to_itself():
    world, first, _second, person = connected(sends(str(ONE), "GW.example.org", when=Occasion.DRAINING))
    drain(world, first)
    world.run(30)
    assert (first.of(Draining)[0].asked, first.of(Draining)[0].stay) == (0, 1)
    assert person.of(MovesOn) == []


def test_a_client_is_not_sent_round_for_ever():
    world, first, second, person = connected()
    for _ in range(6):
        for gateway, other in ((first, TWO), (second, ONE)):
            drain(world, gateway, str(other))
            world.run(8)
            drain(world, gateway, over=True)
            world.run(1)
    assert len(person.of(MovesOn)) == 5
    assert {type(each.reason) for each in person.of(Dropped)} == {ends.RedirectedTooOften}
    assert [each for each in person.of(Ended) if each.session == 1] == []
    world.run(300)
    at = sessions(person)[0].path.remote.address
    gateway, other = (first, TWO) if at == ONE else (second, ONE)
    drain(world, gateway, str(other))
    world.run(8)
    assert len(person.of(MovesOn)) == 6


def test_where_the_other_one_sends_it_on_it_goes_on_from_where_it_is():
    world, first, second, person = three(back=sends("192.0.2.70"))
    third = Host("third", IPv4Address("192.0.2.70"), Policy((gateway_policy(),), CHILD), CheapRandomness(78))
    world.add(third)
    connect(world, person, first, "vpn")
    assert world.run(20, lambda: is_up(person) and is_up(first))
    world.run(2)
    drain(world, first, NAME)
    assert world.run(30, lambda: is_up(third) and first.of(Ended))
    assert second.of(Up) == []
    assert len(person.of(MovesOn)) == 2
    assert [each.proof.vouched for each in person.questions if isinstance(each, JudgePeer)][-1] == ""


def test_a_client_sends_no_gateway_anywhere():
    """A client that tells its gateway to go elsewhere changes nothing there."""
    world, first, _second, person = connected()
    (session,) = sessions(person)
    session.context.timers.set(world.now, "rude", lambda now: say(session, now))
    world.run(10)
    assert first.of(MovesOn) == first.of(Ended) == []


def say(session, now):
    voice.say(session, Redirect(TWO).notification(), now=now)


def test_a_connected_client_that_hears_nonsense_stays():
    world, first, _second, person = connected()
    (session,) = sessions(first)
    rude = Notification(NotifyType.REDIRECT, b"\x03\x05ab")
    session.context.timers.set(world.now, "rude", lambda now: voice.say(session, rude, now=now))
    world.run(10)
    assert person.of(MovesOn) == person.of(Ended) == []


@pytest.mark.parametrize("seed", range(6))
def test_on_a_bad_network_it_comes_through(seed):
    world, first, second, person = three()
    world.random.seed(seed)
    connect(world, person, first, "vpn")
    assert world.run(20, lambda: is_up(person) and is_up(first))
    world.network.loss, world.network.duplication, world.network.reordering = 0.2, 0.1, 0.1
    for _ in range(8):
        if second.of(Up):
            break
        drain(world, first, NAME)
        world.run(60, lambda: bool(second.of(Up)))
    assert second.of(Up)
    world.network.loss = 0
    world.run(200)
    assert [each for each in person.of(Ended) if each.session == 1] == []
    assert len(person.of(Configured)) >= 1


def crowd(size: int, redirect: Redirection | None = None):
    """So many clients that are connected with a gateway, and find no way to another one."""
    world, first, _second, person = connected(redirect)
    person.answers[FindWay] = lambda _: Failure(NotResolved("nowhere"))
    policy = replace(person.policy.remotes[0])
    for number in range(size - 1):
        other = Host(
            f"p{number}", IPv4Address("198.51.100.20") + number, Policy((policy,), CHILD), CheapRandomness(number)
        )
        other.answers[FindWay] = lambda _: Failure(NotResolved("nowhere"))
        world.add(other)
        connect(world, other, first)
        world.run(3)
    return world, first


def test_all_are_sent_away_a_few_each_second():
    world, first = crowd(45)
    before = world.now
    drain(world, first, NAME)
    assert first.of(Draining)[0].asked == 45
    world.run(1.0)
    assert 19 <= len(first.of(SentAway)) <= 22
    world.run(3)
    assert len(first.of(SentAway)) == 45
    assert world.now - before == pytest.approx(4.0)


@pytest.mark.parametrize("there", [(), (NAME,)])
def test_a_drain_that_is_over_asks_nobody(there):
    """Two drains without names look alike, and the second one may begin before the first has asked everybody."""
    world, first = crowd(12, sends(NAME, when=Occasion.DRAINING))
    drain(world, first, *there)
    world.run(0.12)
    asked = len(first.of(SentAway))
    assert 0 < asked < 12
    drain(world, first, over=True)
    drain(world, first, *there)
    world.run(3)
    again = [each.session for each in first.of(SentAway)][asked:]
    assert len(again) == len(set(again)) == 12, "each of them once"
