"""Whether an IKEv2 peer is there: questions after silence, traffic that counts, gateways that were started anew."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from lotor.ike import stale
from lotor.ike.endpoint import Endpoint
from lotor.ike.events import ChildDown, ChildUp, Dead, Doubted, Dropped, Ended, RoundTrip, Up
from lotor.ike.intents import Check, ChildExpired, Remind, SpiUnknown
from lotor.ike.questions import AskPerson, CheckMschap, LastInbound
from lotor.ike.v2 import exchanges, hints, schedules, voice
from lotor.model.network import KEEPALIVE, Path, Peer
from lotor.model.policy import Dpd
from lotor.model.reasons import ends
from lotor.model.reasons.ends import DeadPeer, PeerDeleted
from lotor.wire.header import Header
from lotor.wire.v2.numbers import VERSION, ExchangeType, Flag, PayloadType, Protocol
from lotor.wire.v2.payloads import Delete
from peers.auth import client_policy, gateway_policy
from peers.frame import deliver, sealed, sent_by, sessions
from peers.world import CheapRandomness, connect, is_up, pair

DPD = Dpd(delay=20, retry=5, maxfail=3)
QUIET = Dpd()


def tunnel(gateway_dpd=QUIET, client_dpd=QUIET, **network):
    gateway = replace(gateway_policy(), dpd=gateway_dpd)
    client = replace(client_policy(), dpd=client_dpd)
    world, gateway, client = pair(gateway=gateway, client=client, **network)
    connect(world, client, gateway, "gw.example.org")
    assert world.run(60, lambda: is_up(client) and is_up(gateway))
    world.run(2)
    return world, gateway, client


def way(client) -> Path:
    return client.of(Up)[0].path


# --- silence ---------------------------------------------------------------------------------------------------------


def test_a_quiet_peer_is_asked_and_answers():
    world, gateway, client = tunnel(gateway_dpd=DPD)
    before = len(gateway.of(RoundTrip))
    world.run(100)
    assert 3 <= len(gateway.of(RoundTrip)) - before <= 5
    assert gateway.of(Ended) == client.of(Ended) == []


def test_a_peer_that_is_gone_is_found_dead():
    world, gateway, _client = tunnel(gateway_dpd=DPD)
    world.network.loss = 1.0
    began = world.now
    assert world.run(100, lambda: gateway.of(Ended))
    assert isinstance(gateway.of(Ended)[0].reason, DeadPeer)
    assert len(gateway.of(Dead)) == 1
    assert 30 <= world.now - began <= 36
    assert gateway.installed == {}


def test_traffic_is_a_sign_of_life_and_nobody_is_asked():
    world, gateway, _client = tunnel(gateway_dpd=DPD)
    gateway.answers[LastInbound] = lambda _: world.now - 1
    before = len(sent_by(world, gateway))
    world.run(200)
    assert set(sent_by(world, gateway)[before:]) <= {KEEPALIVE}


@pytest.mark.parametrize("seed", range(8))
def test_a_bad_network_is_no_death(seed):
    world, gateway, _client = tunnel(gateway_dpd=replace(DPD, maxfail=5), seed=seed)
    world.network.loss = 0.3
    world.run(600)
    assert gateway.of(Dead) == []


# --- a question at once ----------------------------------------------------------------------------------------------


def check(world, client):
    number = client.of(Up)[0].session
    world.do(client, client.endpoint.command(Check(number, way(client)), world.now))


def test_a_peer_that_is_there_answers_a_question():
    world, _gateway, client = tunnel()
    check(world, client)
    world.run(10)
    assert client.of(Ended) == []


def test_a_peer_that_does_not_answer_a_question_is_dead_within_moments():
    world, _gateway, client = tunnel()
    world.network.loss, began = 1.0, world.now
    check(world, client)
    check(world, client)
    assert world.run(10, lambda: client.of(Ended))
    assert world.now - began == pytest.approx(sum(schedules.QUICK))
    assert len(client.of(Dead)) == 1


def test_traffic_answers_a_question_too():
    world, _gateway, client = tunnel()
    client.answers[LastInbound] = lambda _: world.now
    world.network.loss = 1.0
    check(world, client)
    world.run(10)
    assert client.of(Ended) == []


def test_a_question_does_not_wait_behind_a_request_that_rests_between_two_sends():
    """The way to the gateway was gone for a while, and is back: what was asked meanwhile is repeated at once, for its
    answer is a sign of life, and nothing else is asked before it comes."""
    world, _gateway, client = tunnel()
    rests(world, client)
    check(world, client)
    world.run(10)
    assert client.of(Ended) == []
    assert max(client.installed) == 2


def test_nor_does_the_question_whether_an_older_session_is_stale():
    world, gateway, _client = tunnel()
    (session,) = sessions(gateway)
    rests(world, gateway)
    dead = []
    stale.if_dead(session, dead.append)
    world.run(10)
    assert dead == []
    assert max(gateway.installed) == 2


@pytest.mark.parametrize("reason", [ends.ChildExpired(), ends.ChildTakenAway(), ends.ChildLeftBehind()])
def test_why_an_engine_carries_nothing_any_more_is_why_the_pair_ends(reason):
    world, gateway, client = tunnel()
    (theirs,) = gateway.installed
    world.do(gateway, gateway.endpoint.command(ChildExpired(theirs, hard=True, reason=reason), world.now))
    assert world.run(5, lambda: len(client.of(ChildUp)) == 2)
    assert [each.reason for each in gateway.of(ChildDown)] == [reason]
    assert not client.of(Ended)


def rests(world, host) -> None:
    """A request of the host was lost for a while, and was just sent when the way is good again."""
    world.network.loss = 1.0
    (session,), (child,) = sessions(host), host.installed.values()
    world.do(host, host.endpoint.command(ChildExpired(child.id, hard=False), world.now))
    world.run(12)
    flight = session.exchanges.ours.under_way.flight
    assert world.run(5, lambda: world.now - flight.latest < 0.1)
    world.network.loss = 0.0


# --- a gateway that was started anew ---------------------------------------------------------------------------------


def restarted():
    world, gateway, client = tunnel()
    gateway.endpoint = Endpoint(gateway.policy, CheapRandomness(99))
    gateway.events.clear()
    return world, gateway, client


def test_a_gateway_that_was_started_anew_is_doubted_asked_and_found_dead():
    world, _gateway, client = restarted()
    check(world, client)
    assert world.run(5, lambda: client.of(Ended))
    assert client.of(Doubted)
    assert isinstance(client.of(Ended)[0].reason, DeadPeer)


def test_a_hint_alone_ends_nothing():
    world, _gateway, client = tunnel()
    (session,) = sessions(client)
    hint = hints.of_session(session.spis.initiator, session.spis.responder)
    for _ in range(100):
        assert deliver(world, client, hint) == []
    assert len(client.of(Doubted)) == 1
    world.run(5)
    assert client.of(Ended) == []


@pytest.mark.parametrize("slow", [CheckMschap, AskPerson], ids=lambda kind: kind.__name__)
def test_a_hint_harms_no_login_that_takes_its_time(slow):
    """A back end, or the person, thinks for a while. The gateway says nothing of a request that it works on, and
    nothing else may be asked before IKE_AUTH is done (RFC 7296 §1.4), so that silence means nothing."""
    world, gateway, client = pair(gateway=gateway_policy(), client=client_policy())
    asked = gateway if slow is CheckMschap else client
    asked.delays[slow] = 12.0
    connect(world, client, gateway, "gw.example.org")
    assert world.run(5, lambda: slow in map(type, asked.questions))
    (session,) = sessions(client)
    hint = hints.of_session(session.spis.initiator, session.spis.responder)
    for _ in range(8):
        deliver(world, client, hint)
        world.run(1)
    assert len(client.of(Doubted)) == 8
    assert not any(Header.decode(each).exchange == ExchangeType.INFORMATIONAL for each in ike(world, client))
    assert world.run(20, lambda: is_up(client) and is_up(gateway))
    assert client.of(Ended) == []


def test_a_gateway_that_deletes_the_ike_sa_in_the_middle_of_a_login_ends_it():
    """Else the person waits for ever: the keys are no spare ones, though they are not in use yet."""
    world, gateway, client = pair(gateway=gateway_policy(), client=client_policy())
    client.delays[AskPerson] = 12.0
    connect(world, client, gateway, "gw.example.org")
    assert world.run(5, lambda: AskPerson in map(type, client.questions))
    exchanges.farewell(sessions(gateway)[0], (Delete(Protocol.IKE),), voice.LAST_WORDS)
    world.do(gateway, gateway.endpoint.tick(world.now))
    world.run(1)
    assert [type(each.reason) for each in client.of(Ended)] == [PeerDeleted]


def ike(world, host) -> list[bytes]:
    return [each for each in sent_by(world, host) if each != KEEPALIVE]


def test_a_gateway_says_of_esp_that_it_does_not_know_it_in_each_version_that_it_speaks():
    world, gateway, client = restarted()
    spi = next(iter(client.installed.values())).outbound.spi
    path = way(client)
    world.do(gateway, gateway.endpoint.command(SpiUnknown(spi, outside(world, client, path), 120), world.now))
    world.run(1)
    assert len(client.of(Doubted)) == 1


def outside(world, client, path) -> Path:
    """The path as the gateway sees it."""
    return Path(path.remote, world._translate(path.local), floated=path.floated)


def test_a_gateway_tells_those_of_the_one_before_it():
    world, gateway, client = tunnel()
    (session,) = sessions(client)
    path = outside(world, client, way(client))
    gateway.endpoint = Endpoint(gateway.policy, CheapRandomness(99))
    remind = Remind(session.spis.initiator, session.spis.responder, path)
    world.do(gateway, gateway.endpoint.command(remind, world.now))
    world.run(1)
    assert len(client.of(Doubted)) == 1


def test_responses_and_messages_in_clear_get_no_hint():
    world, gateway, client = restarted()
    path = outside(world, client, way(client))
    for flags, first in ((Flag.RESPONSE, PayloadType.ENCRYPTED), (Flag.INITIATOR, PayloadType.NOTIFICATION)):
        header = Header(b"somebody", b"nowhere!", first, ExchangeType.INFORMATIONAL, flags, 7, version=VERSION)
        effects = gateway.endpoint.receive(header.encode(64) + bytes(64), path, world.now)
        assert effects == []


def test_a_hint_is_no_longer_than_what_it_answers():
    """A header alone, which is shorter than a hint."""
    world, gateway, client = restarted()
    path = outside(world, client, way(client))
    kind = (PayloadType.ENCRYPTED, ExchangeType.INFORMATIONAL, Flag.INITIATOR, 7)
    header = Header(b"somebody", b"nowhere!", *kind, version=VERSION)
    assert gateway.endpoint.receive(header.encode(4) + bytes(4), path, world.now) == []
    effects = gateway.endpoint.receive(header.encode(8) + bytes(8), path, world.now)
    assert len(effects[0].data) <= 36


# --- NAT -------------------------------------------------------------------------------------------------------------


def keepalives(world, host) -> int:
    return sent_by(world, host).count(KEEPALIVE)


def test_the_end_behind_the_nat_keeps_it_open():
    world, gateway, client = tunnel()
    world.run(100)
    assert 4 <= keepalives(world, client) <= 6
    assert keepalives(world, gateway) in {0, keepalives(world, client)}, "with nat_traversal force both see a NAT"


def test_no_keepalive_after_the_end():
    world, _gateway, client = tunnel()
    world.network.loss = 1.0
    check(world, client)
    world.run(5)
    before = keepalives(world, client)
    world.run(100)
    assert keepalives(world, client) == before


def test_a_gateway_follows_its_peer_to_the_port_that_the_nat_gives_it():
    world, gateway, client = tunnel(client_dpd=DPD)
    (theirs,) = sessions(gateway)
    before = theirs.path
    world.rebind(client)
    world.run(40)
    assert theirs.path.remote.port != before.remote.port
    assert theirs.path.remote.address == before.remote.address


def test_a_replayed_request_moves_nobody():
    """Only a message that never came before shows where the peer is."""
    world, gateway, client = tunnel()
    (ours,), (theirs,) = sessions(client), sessions(gateway)
    data = sealed(ours, message_id=theirs.exchanges.peers.expected)
    deliver(world, gateway, data)
    before = theirs.path
    for _ in range(3):
        deliver(world, gateway, data, before.to(Peer(IPv4Address("203.0.113.66"), 6666)))
    assert theirs.path == before


def test_a_message_that_nobody_proved_moves_nobody():
    world, gateway, client = tunnel()
    (ours,), (theirs,) = sessions(client), sessions(gateway)
    data = bytearray(sealed(ours, message_id=theirs.exchanges.peers.expected))
    data[-1] ^= 1
    before = theirs.path
    deliver(world, gateway, bytes(data), before.to(Peer(IPv4Address("203.0.113.66"), 6666)))
    assert theirs.path == before
    assert gateway.of(Dropped) == []
