"""What a gateway says to whoever sends for a session that it does not have, and what forged hints do: a question."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from lotor.ike.effects import Transmit
from lotor.ike.endpoint import Endpoint
from lotor.ike.events import ChildUp, Doubted, Dropped, Ended, LoginSent, Remark, Up
from lotor.ike.hints import SITE, TOTAL
from lotor.ike.intents import Check, Remind, SpiUnknown
from lotor.ike.v1 import hints
from lotor.model.network import Path, Peer
from lotor.model.policy import Policy
from lotor.wire.header import Header
from lotor.wire.v1.chain import build_chain, build_message
from lotor.wire.v1.numbers import ExchangeType, NotifyType, Protocol
from lotor.wire.v1.payloads import Notification
from peers.counter import Counter
from peers.world import CHILD, CLIENT, CheapRandomness, connect, is_up, pair

ENCRYPTED = 0x01
VICTIM = Peer(IPv4Address("203.0.113.99"), 4500)
EXCHANGES = (ExchangeType.INFORMATIONAL, ExchangeType.QUICK, ExchangeType.TRANSACTION)


def message(exchange=ExchangeType.INFORMATIONAL, flags=ENCRYPTED, *, octets=64, number=7, responder=b"unknown!"):
    return Header(b"somebody", responder, 8, exchange, flags, number).encode(octets) + bytes(octets)


def restarted():
    """A client that is up, with a gateway that was started anew and knows nobody."""
    world, gateway, client = pair()
    connect(world, client, gateway)
    assert world.run(30, lambda: is_up(client) and is_up(gateway))
    world.run(1)
    gateway.endpoint = Endpoint(gateway.policy, CheapRandomness(99))
    gateway.events.clear()
    return world, gateway, client


def spi_of(client):
    """The SPI with which the client sends."""
    return client.of(ChildUp)[0].child.outbound.spi


def way(client):
    return client.of(Up)[0].path


# --- what is said ----------------------------------------------------------------------------------------------------


def test_a_gateway_that_was_started_anew_is_doubted_at_the_first_message_asked_and_found_dead():
    world, gateway, client = restarted()
    number = client.of(Up)[0].session
    world.do(client, client.endpoint.command(Check(number, way(client)), world.now))
    world.run(0.5)
    assert len(client.of(Doubted)) == 1
    assert not client.of(Ended), "what is said in clear ends nothing"
    world.run(3)
    assert [type(each.reason).__name__ for each in client.of(Ended)] == ["DeadPeer"]
    assert not gateway.events


def test_an_esp_packet_nobody_knows_is_a_doubt_of_the_session_that_sent_it():
    world, gateway, client = restarted()
    outer = Peer(world.nat[client.address], world.ports[client.address, 4500])
    path = Path(Peer(gateway.address, 4500), outer, floated=True)
    world.do(gateway, gateway.endpoint.command(SpiUnknown(spi_of(client), path, 92), world.now))
    world.run(0.5)
    assert len(client.of(Doubted)) == 1
    world.do(gateway, gateway.endpoint.command(SpiUnknown(spi_of(client) + 1, path, 92), world.now + 5))
    world.run(6)
    assert len(client.of(Doubted)) == 1, "another one's SPI is nothing to this client"


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_a_hint_goes_back_where_the_message_came_from_and_is_no_larger(exchange):
    gateway = Counter()
    asked = message(exchange)
    (hint,) = gateway.receive(asked, VICTIM)
    assert len(hint) <= len(asked)
    header = Header.decode(hint)
    assert (header.initiator, header.responder, header.flags) == (b"somebody", b"unknown!", 0)
    assert not gateway.receive(message(exchange, octets=8), VICTIM), "a smaller one gets nothing"


@pytest.mark.parametrize(
    "said",
    [
        message(flags=0),
        message(number=0),
        message(ExchangeType.AGGRESSIVE),
        message(ExchangeType.MAIN),
        message(responder=bytes(8)),
        build_message(
            Header(b"somebody", b"unknown!", 0, ExchangeType.INFORMATIONAL, 0, 7),
            *build_chain([Notification(NotifyType.INVALID_COOKIE)]),
        ),
        hints.unknown_spi(0x12345678, CheapRandomness(1)),
    ],
    ids=["in clear", "without a number", "aggressive", "main", "no cookie", "a hint", "a hint about ESP"],
)
def test_nothing_else_is_answered_so_that_no_two_ends_go_on_about_it(said):
    assert Counter().receive(said, VICTIM) == []


def test_a_client_gives_no_hints():
    client = Counter(Policy((CLIENT,), CHILD))
    assert client.receive(message(), VICTIM) == []
    path = Path(Peer(IPv4Address("192.0.2.50"), 4500), VICTIM, floated=True)
    assert client.settle(client.endpoint.command(SpiUnknown(0x12345678, path, 92), 1.0)) == []


def logging_in(slow=40.0):
    """A client whose password is being judged."""
    world, gateway, client = pair()
    gateway.slow = slow
    connect(world, client, gateway)
    assert world.run(30, lambda: client.of(LoginSent))
    world.run(0.5)
    (session,) = client.endpoint._sessions.by_id.values()
    header = Header(session.spis.initiator, session.spis.responder, 0, ExchangeType.INFORMATIONAL, 0, 7)
    hint = build_message(header, *build_chain([Notification(NotifyType.INVALID_COOKIE)]))
    return world, gateway, client, (hint, session.path)


def test_a_login_at_a_gateway_that_was_started_anew_is_over_in_moments():
    """Nobody waits for a gateway that knows nothing of the login: two minutes, before."""
    world, gateway, client, (hint, path) = logging_in()
    gateway.endpoint = Endpoint(gateway.policy, CheapRandomness(99))
    world.do(client, client.endpoint.receive(hint, path, world.now))
    assert world.run(3, lambda: client.of(Ended))
    assert [type(each.reason).__name__ for each in client.of(Ended)] == ["DeadPeer"]


def test_a_forged_hint_in_a_login_is_a_question_that_the_gateway_answers():
    world, _, client, (hint, path) = logging_in(10.0)
    for _ in range(5):
        world.do(client, client.endpoint.receive(hint, path, world.now))
        world.run(1.5)
    assert not client.of(Ended)
    assert world.run(30, lambda: is_up(client))


# --- floods and forgeries --------------------------------------------------------------------------------------------


def test_whoever_writes_another_sender_sends_no_more_by_this_gateway_than_he_does_himself():
    """A minute of messages and of ESP in the name of a victim: few octets, and never more than came."""
    gateway, came, went = Counter(), 0, 0
    path = Path(Peer(IPv4Address("192.0.2.50"), 4500), VICTIM, floated=True)
    for tick in range(6000):
        gateway.now += 0.01
        asked = message(octets=16 if tick % 2 else 128, number=tick + 1)
        before = len(asked), sum(map(len, gateway.receive(asked, VICTIM)))
        assert before[1] <= before[0]
        came, went = came + before[0] + 60, went + before[1]
        spent = gateway.settle(gateway.endpoint.command(SpiUnknown(0x1000 + tick, path, 60 - 4), gateway.now))
        went += sum(map(len, spent))
        assert all(len(each) <= 60 - 4 for each in spent)
    assert 0 < went <= 44 * (SITE.burst + 60 * SITE.second + 1)
    assert went < came / 10


def test_a_flood_from_everywhere_is_answered_a_bounded_number_of_times():
    gateway, said = Counter(), 0
    for number in range(20_000):
        gateway.now += 0.0005
        said += len(gateway.receive(message(), Peer(IPv4Address(0xC6120000 + number), 4500)))
    assert 0 < said <= TOTAL.burst + 10 * TOTAL.second + 1


def test_a_flood_costs_no_hints_that_are_not_sent(monkeypatch):
    made = []
    monkeypatch.setattr(hints, "build_message", lambda *of: made.append(of) or build_message(*of))
    gateway = Counter()
    sent = sum(len(gateway.receive(message(number=number), VICTIM)) for number in range(1, 500))
    assert 0 < len(made) == sent < 100


def test_a_flood_of_forged_hints_is_a_doubt_a_second_and_a_line_a_second():
    """Whoever stands on the way, and knows cookies and SPI; and whoever sends the same hint again and again."""
    world, gateway, client = pair()
    connect(world, client, gateway)
    assert world.run(30, lambda: is_up(client) and is_up(gateway))
    (session,) = client.endpoint._sessions.by_id.values()
    header = Header(session.spis.initiator, session.spis.responder, 0, ExchangeType.INFORMATIONAL, 0, 7)
    cookie = build_message(header, *build_chain([Notification(NotifyType.INVALID_COOKIE)]))
    spi = hints.unknown_spi(spi_of(client), CheapRandomness(1))
    before, sent = len(client.events), client.sent
    for tick in range(1000):
        for forged in (cookie, spi):
            world.do(client, client.endpoint.receive(forged, way(client), world.now + tick * 0.01))
    told = client.events[before:]
    assert 2 <= len(client.of(Doubted)) <= 11
    assert len([each for each in told if isinstance(each, Doubted | Dropped | Remark)]) <= 22
    assert client.sent == sent, "the core says nothing to it: the runtime decides when to ask"
    assert not client.of(Ended)


def test_a_hint_from_another_address_and_one_of_another_shape_is_nobodys():
    world, gateway, client = pair()
    connect(world, client, gateway)
    assert world.run(30, lambda: is_up(client) and is_up(gateway))
    number = spi_of(client)
    elsewhere = replace(way(client), remote=VICTIM)
    empty = Header(b"whatever", bytes(8), 0, ExchangeType.INFORMATIONAL, 0, 7)
    shapes = [
        Notification(NotifyType.INVALID_SPI, spi=number.to_bytes(4, "big"), protocol=Protocol.AH),
        Notification(NotifyType.INVALID_SPI, spi=number.to_bytes(8, "big"), protocol=Protocol.ESP),
        Notification(NotifyType.INVALID_SPI, protocol=Protocol.ESP),
        Notification(NotifyType.INVALID_COOKIE, spi=number.to_bytes(4, "big"), protocol=Protocol.ESP),
    ]
    forged = [(build_message(empty, *build_chain([each])), way(client)) for each in shapes]
    forged.append((hints.unknown_spi(number, CheapRandomness(1)), elsewhere))
    forged.append((hints.unknown_spi(number, CheapRandomness(1))[:-1], way(client)))
    for said, path in forged:
        effects = client.endpoint.receive(said, path, world.now)
        assert not [each for each in effects if isinstance(each, Transmit)]
        world.do(client, effects)
    assert not client.of(Doubted)
    world.do(client, client.endpoint.receive(hints.unknown_spi(number, CheapRandomness(1)), way(client), world.now))
    assert len(client.of(Doubted)) == 1


# --- whom a gateway before had ---------------------------------------------------------------------------------------


def test_a_peer_of_a_gateway_that_died_hears_of_it_though_it_sends_nothing():
    world, gateway, client = pair()
    connect(world, client, gateway)
    assert world.run(30, lambda: is_up(client) and is_up(gateway))
    (session,) = gateway.endpoint._sessions.by_id.values()
    left = Remind(session.spis.initiator, session.spis.responder, session.path)
    assert not gateway.endpoint.command(left, world.now), "a session that is here needs no hint"
    gateway.endpoint = Endpoint(gateway.policy, CheapRandomness(99))
    world.do(gateway, gateway.endpoint.command(left, world.now))
    world.run(0.5)
    assert len(client.of(Doubted)) == 1
    assert not client.of(Ended)


def test_who_can_write_the_file_of_last_peers_has_no_flood_sent():
    gateway, said = Counter(), 0
    for number in range(4096):
        path = Path(Peer(IPv4Address("192.0.2.50"), 4500), VICTIM, floated=True)
        said += len(gateway.settle(gateway.endpoint.command(Remind(bytes(8), number.to_bytes(8, "big"), path), 1.0)))
    assert said <= SITE.burst
