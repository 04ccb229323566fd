"""The window of IKEv2: each request is answered once and its copies by the same octets; nothing unproved counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lotor.ike.events import Dropped, Ended, Remark, RoundTrip
from lotor.ike.intents import Disconnect
from lotor.ike.v2 import exchanges, schedules, seal, sequence
from lotor.ike.v2.message import Message
from lotor.ike.v2.reassembly import MOST_PIECES
from lotor.ike.v2.seal import BrokenInside, Content, Piece
from lotor.ike.v2.story import wait
from lotor.ike.v2.window import MOST_WAITING
from lotor.model.network import KEEPALIVE, Peer
from lotor.model.reasons.ends import ClosedHere, NoAnswer, PeerDeleted
from lotor.model.reasons.protocol import BrokenExchange
from lotor.wire.header import Header
from lotor.wire.v2.chain import Received, build_message
from lotor.wire.v2.numbers import ExchangeType, Flag, NotifyType, PayloadType, Protocol
from lotor.wire.v2.payloads import Delete, Notification, Unknown, VendorId
from peers.frame import CBC, TERMS, ask, both_keyed, deliver, sealed, sent_by, sessions, two, up

LARGE = VendorId(bytes(range(256)) * 12)
"""3072 octets, which no datagram carries."""


def fresh(**network):
    world, gateway, client = two(**network)
    ours, theirs = up(world, client, gateway)
    return world, gateway, client, ours, theirs


# --- requests of this end --------------------------------------------------------------------------------------------


def test_a_request_gets_its_response_and_tells_how_long_that_took():
    world, _gateway, client, *_ = fresh()
    heard = ask(world, client)
    assert world.run(5, lambda: heard)
    assert isinstance(heard[0], Message)
    assert len(client.of(RoundTrip)) == 1


def test_requests_wait_for_their_turn_and_keep_their_order():
    world, _gateway, client, ours, _ = fresh()
    before = len(sent_by(world, client))
    heard = [ask(world, client, VendorId(bytes([number]))) for number in range(5)]
    assert len(sent_by(world, client)) == before + 1
    first = ours.exchanges.ours.following
    assert world.run(10, lambda: all(heard))
    ids = [each[0].header.message_id for each in heard]
    assert ids == list(range(first, first + 5))


def test_the_queue_is_bounded():
    world, _gateway, client, *_ = fresh()
    world.network.loss = 1.0
    heard = [ask(world, client) for _ in range(MOST_WAITING + 2)]
    assert [bool(each) for each in heard] == [*[False] * (MOST_WAITING + 1), True]
    assert "too many requests wait" in heard[-1][0].reason.text


def test_a_request_without_response_is_repeated_octet_by_octet_and_given_up():
    world, _gateway, client, *_ = fresh()
    world.network.loss = 1.0
    before, began = len(sent_by(world, client)), world.now
    heard = ask(world, client)
    assert world.run(100, lambda: heard)
    sent = [data for data in sent_by(world, client)[before:] if data != KEEPALIVE]
    assert (len(sent), len(set(sent))) == (len(schedules.DEFAULT), 1)
    assert isinstance(heard[0].reason, NoAnswer)
    assert round(world.now - began) == round(sum(schedules.DEFAULT))


def test_a_response_to_nothing_is_dropped():
    world, _gateway, client, ours, theirs = fresh()
    flags = Flag.RESPONSE
    data = sealed(theirs, flags=flags, message_id=ours.exchanges.ours.following)
    assert deliver(world, client, data) == []
    assert "nothing that was asked" in client.of(Dropped)[-1].text()


def test_the_first_response_counts_and_copies_of_it_do_not():
    world, _gateway, client, *_ = fresh(duplication=1.0)
    heard = [ask(world, client) for _ in range(10)]
    assert world.run(10, lambda: all(heard))
    assert [len(each) for each in heard] == [1] * 10


def test_a_copy_of_a_response_is_no_fault_of_anybody():
    """A request that was repeated on a slow road has two."""
    world, _gateway, client, *_ = fresh(duplication=1.0)
    heard = [ask(world, client) for _ in range(10)]
    assert world.run(10, lambda: all(heard))
    assert client.of(Dropped) == []
    assert len([each for each in client.of(Remark) if "a copy from" in each.text()]) >= 10


# --- requests of the peer --------------------------------------------------------------------------------------------


def test_copies_of_a_request_get_the_same_octets_and_change_nothing():
    world, gateway, _client, ours, theirs = fresh()
    data = sealed(ours, message_id=theirs.exchanges.peers.expected)
    expected = theirs.exchanges.peers.expected + 1
    answers = [deliver(world, gateway, data) for _ in range(5)]
    assert all(each == answers[0] and len(each) == 1 for each in answers)
    assert theirs.exchanges.peers.expected == expected


def test_a_copy_that_was_encrypted_anew_gets_the_answer_too():
    world, gateway, _client, ours, theirs = fresh()
    number = theirs.exchanges.peers.expected
    first, second = sealed(ours, message_id=number), sealed(ours, message_id=number)
    assert first != second
    assert deliver(world, gateway, first) == deliver(world, gateway, second)


@pytest.mark.parametrize("ahead", [-3, 1, 2, 1000])
def test_a_message_id_out_of_turn_is_dropped(ahead):
    world, gateway, _client, ours, theirs = fresh()
    for _ in range(4):
        deliver(world, gateway, sealed(ours, message_id=theirs.exchanges.peers.expected))
    number = theirs.exchanges.peers.expected + ahead
    assert deliver(world, gateway, sealed(ours, message_id=number)) == []
    assert "message id" in gateway.of(Dropped)[-1].text()


def test_a_request_that_is_being_worked_on_is_not_begun_twice(monkeypatch):
    world, gateway, _client, ours, theirs = fresh()
    begun = []

    def story():
        yield from wait(begun.append)
        return ()

    answering = lambda *_: exchanges.Answering(story(), lambda *_: None, lambda *_: None)  # noqa: E731
    monkeypatch.setattr(sequence, "answering", answering)
    data = sealed(ours, message_id=theirs.exchanges.peers.expected)
    answers = [deliver(world, gateway, data) for _ in range(3)]
    assert (answers, len(begun)) == ([[], [], []], 1)
    theirs.context.answer(begun[0], None, world.now)
    world.do(gateway, gateway.endpoint.tick(world.now))
    assert len(deliver(world, gateway, data)) == 1


def test_every_bit_that_is_not_as_it_was_sent_is_found():
    world, gateway, _client, ours, theirs = fresh()
    data = sealed(ours, VendorId(b"hello"), message_id=theirs.exchanges.peers.expected)
    for bit in range(0, len(data) * 8, 5):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        said = deliver(world, gateway, bytes(changed), theirs.path)
        assert [each[16] for each in said if each[16] != PayloadType.NOTIFICATION] == [], bit
    assert len(deliver(world, gateway, data)) == 1
    assert gateway.of(Ended) == []


def test_a_message_that_is_too_short_is_dropped():
    world, gateway, _client, ours, theirs = fresh()
    data = sealed(ours, VendorId(b"hello"), message_id=theirs.exchanges.peers.expected)
    for size in range(len(data)):
        short = data[:24] + size.to_bytes(4, "big") + data[28:size] if size > 28 else data[:size]
        assert deliver(world, gateway, short, theirs.path) == []
    assert len(deliver(world, gateway, data)) == 1


def test_a_message_that_says_it_is_of_this_end_is_dropped():
    """What was sent is not taken back: a reflected request, and one of the wrong role."""
    world, _gateway, client, ours, _theirs = fresh()
    assert deliver(world, client, sealed(ours, message_id=0)) == []
    assert "of this end" in client.of(Dropped)[-1].text()


def test_nothing_in_clear_counts_under_keys():
    world, gateway, _client, ours, theirs = fresh()
    header = ours.header(ExchangeType.INFORMATIONAL, theirs.exchanges.peers.expected)
    delete = build_message(header, PayloadType.DELETE, b"\0\0\0\x08\x01\0\0\0")
    assert deliver(world, gateway, delete) == []
    assert gateway.of(Ended) == []
    assert "in clear under keys" in gateway.of(Dropped)[-1].text()


def test_payloads_in_clear_before_sk_are_not_taken():
    world, gateway, _client, ours, theirs = fresh()
    header = ours.header(ExchangeType.INFORMATIONAL, theirs.exchanges.peers.expected)
    body = bytes([PayloadType.ENCRYPTED, 0, 0, 8, 1, 0, 0, 0]) + bytes([0, 0, 0, 40]) + bytes(36)
    assert deliver(world, gateway, build_message(header, PayloadType.DELETE, body)) == []
    assert gateway.of(Ended) == []


def test_an_unknown_critical_payload_is_named_and_harms_nobody():
    world, gateway, client, ours, theirs = fresh()
    number = theirs.exchanges.peers.expected
    plain = sealed(ours, Unknown(200, b"?"), message_id=number)
    assert len(deliver(world, gateway, plain)) == 1, "one that is not critical is skipped"
    critical = Received(200, b"?", Unknown(200, b"?"), 0, critical=True)
    heard = ask(world, client, critical)
    ours.exchanges.ours.under_way.flight.stop()
    (answer,) = deliver(world, gateway, sealed(ours, critical, message_id=number + 1))
    ours.exchanges.ours.following = number + 1
    deliver(world, client, answer)
    (note,) = heard[0].chain.all(Notification)
    assert (note.type, note.data) == (NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, b"\xc8")
    assert gateway.of(Ended) == []


def test_a_broken_request_under_keys_ends_the_sa_with_a_word():
    world, gateway, _client, ours, theirs = fresh()
    header = ours.header(ExchangeType.INFORMATIONAL, theirs.exchanges.peers.expected)
    broken = seal._sk(ours.protections.own, header, Content(PayloadType.NONCE, b"\0\0\xff\xff"))
    (answer,) = deliver(world, gateway, broken)
    assert Header.decode(answer).flags & Flag.RESPONSE
    (ended,) = gateway.of(Ended)
    assert isinstance(ended.reason, BrokenExchange)


def test_sk_inside_sk_is_broken():
    with pytest.raises(BrokenInside):
        Content(PayloadType.ENCRYPTED, b"\0\0\0\x08abcd").chain()


# --- fragments -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(10))
def test_large_messages_go_in_fragments_on_a_bad_network(seed):
    world, _gateway, client, _ours, _theirs = fresh(seed=seed)
    world.network.loss, world.network.reordering, world.network.duplication = 0.3, 0.5, 0.3
    heard = ask(world, client, LARGE)
    assert world.run(60, lambda: heard)
    assert isinstance(heard[0], Message)
    assert max(map(len, sent_by(world, client))) <= 1280 - 32


def test_where_large_packets_are_lost_smaller_ones_go_and_are_remembered():
    world, _gateway, client, ours, theirs = fresh()
    send = world._send

    def lose_large(host, transmit):
        if len(transmit.data) <= 576 - 32:
            send(host, transmit)

    world._send = lose_large
    heard = ask(world, client, LARGE)
    assert world.run(30, lambda: heard)
    assert isinstance(heard[0], Message)
    assert (ours.small, theirs.small) == (True, False)
    before = len(world.wire)
    heard = ask(world, client, LARGE)
    assert world.run(1, lambda: heard)
    assert max(len(data) for *_, data in world.wire[before:]) <= 576 - 32


def test_a_peer_that_takes_no_fragments_gets_none():
    world, gateway, client = two(gateway=replace(TERMS, fragments=False))
    _ours, _theirs = up(world, client, gateway)
    heard = ask(world, client, LARGE)
    assert world.run(5, lambda: heard)
    assert max(map(len, sent_by(world, client))) > 3000


def pieces_of(session, number, total, size=100):
    header = session.header(ExchangeType.INFORMATIONAL, number)
    cut = [
        Piece(index, total, Content(0 if index > 1 else PayloadType.VENDOR_ID, bytes(size)))
        for index in range(1, total + 1)
    ]
    return [seal._skf(session.protections.own, header, each) for each in cut]


def test_fragments_are_bounded_in_number_and_octets():
    world, gateway, _client, ours, theirs = fresh()
    number = theirs.exchanges.peers.expected
    deliver(world, gateway, pieces_of(ours, number, MOST_PIECES + 1)[0])
    assert f"more than {MOST_PIECES}" in gateway.of(Dropped)[-1].text()
    for each in pieces_of(ours, number, MOST_PIECES, size=1000):
        deliver(world, gateway, each)
    assert "octets in fragments" in gateway.of(Dropped)[-1].text()
    assert theirs.exchanges.peers.pieces.octets < 65536
    assert len(deliver(world, gateway, sealed(ours, message_id=number))) == 1


def test_a_larger_total_begins_anew_and_a_smaller_one_is_old():
    world, gateway, _client, ours, theirs = fresh()
    number = theirs.exchanges.peers.expected
    for each in (*pieces_of(ours, number, 3)[:2], *pieces_of(ours, number, 5)[:1], *pieces_of(ours, number, 3)):
        assert deliver(world, gateway, each) == []
    assert theirs.exchanges.peers.pieces.total == 5


def test_only_the_first_fragment_of_an_answered_request_is_answered_again():
    world, gateway, _client, ours, theirs = fresh()
    header = ours.header(ExchangeType.INFORMATIONAL, theirs.exchanges.peers.expected)
    datagrams = seal.sealed(ours.protections.own, header, (LARGE,), 600)
    answers = [deliver(world, gateway, each) for each in datagrams]
    assert [len(each) for each in answers] == [*[0] * (len(datagrams) - 1), 1]
    again = [deliver(world, gateway, each) for each in datagrams]
    assert [len(each) for each in again] == [1, *[0] * (len(datagrams) - 1)]


# --- the end ---------------------------------------------------------------------------------------------------------


def end_of(world, host):
    (session,) = sessions(host)
    world.do(host, host.endpoint.command(Disconnect(session.id, ClosedHere()), world.now))


@pytest.mark.parametrize("seed", range(10))
def test_a_delete_arrives_on_a_bad_network_and_nothing_is_left(seed):
    world, gateway, client, *_ = fresh(seed=seed)
    world.network.loss = 0.3
    before = len(world.wire)
    end_of(world, client)
    world.run(60)
    assert isinstance(gateway.of(Ended)[0].reason, PeerDeleted)
    assert len(world.wire) - before < 14
    assert client.endpoint._sessions.by_cookie == {}


def test_a_delete_is_acknowledged_and_not_repeated():
    world, gateway, client, *_ = fresh()
    before = len(world.wire)
    end_of(world, client)
    world.run(40)
    assert len(world.wire) == before + 2
    assert isinstance(gateway.of(Ended)[0].reason, PeerDeleted)
    assert gateway.endpoint._sessions.by_cookie == client.endpoint._sessions.by_cookie == {}


def test_both_ends_may_delete_at_once():
    world, gateway, client, *_ = fresh()
    end_of(world, client)
    end_of(world, gateway)
    before = len(world.wire)
    world.run(40)
    assert len(world.wire) - before <= 2
    assert gateway.endpoint._sessions.by_cookie == client.endpoint._sessions.by_cookie == {}


def test_a_delete_goes_out_although_a_request_is_under_way():
    world, gateway, client, *_ = fresh()
    heard = ask(world, client)
    end_of(world, client)
    assert world.run(5, lambda: gateway.of(Ended))
    assert heard == []


def test_a_delete_of_a_stranger_with_keys_is_not_taken():
    """Before IKE_AUTH is done nothing but IKE_AUTH is."""
    world, gateway, client = two()
    ours, _theirs = both_keyed(world, client, gateway)
    assert deliver(world, gateway, sealed(ours, Delete(Protocol.IKE), message_id=1)) == []
    assert gateway.of(Ended) == []


def test_the_answer_goes_where_the_request_came_from():
    world, gateway, _client, ours, theirs = fresh()
    elsewhere = theirs.path.to(Peer(theirs.path.remote.address, 9999))
    data = sealed(ours, message_id=theirs.exchanges.peers.expected)
    deliver(world, gateway, data, elsewhere)
    assert world.wire[-1][2] == elsewhere.remote


def test_another_suite_carries_the_same():
    world, gateway, client = two(gateway=TERMS.__class__((CBC,)), client=TERMS.__class__((CBC,)))
    _ours, _theirs = up(world, client, gateway)
    heard = ask(world, client, LARGE)
    assert world.run(5, lambda: heard)
    assert isinstance(heard[0], Message)
