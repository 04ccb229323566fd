"""IKE_SA_INIT of IKEv2 between two endpoints: keys, cookies, other groups, forged refusals, NATs."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from lotor.ike.effects import Transmit
from lotor.ike.endpoint import Endpoint
from lotor.ike.events import Chosen, Dropped, Ended, Offered, Started
from lotor.ike.v2 import seal
from lotor.ike.v2.init import MOST_TURNS
from lotor.model.network import Path, Peer
from lotor.model.policy import STRANGERS, AdmissionLimits, Rate, V2Policy
from lotor.model.reasons.proposals import NoProposal, ProposalRefused
from lotor.wire.header import Header
from lotor.wire.v2.chain import Received
from lotor.wire.v2.numbers import Flag, NotifyType
from lotor.wire.v2.payloads import KeyExchange, Nonce, Notification, Unknown
from lotor.wire.v2.proposals import ike_proposals
from peers.frame import CBC, GCM, both_keyed, deliver, from_elsewhere, keyed, sent_by, sessions, two
from peers.world import CheapRandomness, connect


def test_both_ends_have_the_same_keys():
    world, gateway, client = two()
    ours, theirs = both_keyed(world, client, gateway)
    assert ours.sa.keys == theirs.sa.keys
    assert (ours.sa.message_i, ours.sa.message_r) == (theirs.sa.message_i, theirs.sa.message_r)
    assert ours.sa.suite == GCM
    assert [each.ike for each in gateway.of(Started)] == [2]
    assert len(client.of(Offered)) == len(gateway.of(Offered)) == 1
    assert len(client.of(Chosen)) == len(gateway.of(Chosen)) == 1


def test_a_nat_moves_both_to_the_other_ports():
    world, gateway, client = two()
    ours, theirs = both_keyed(world, client, gateway)
    assert (ours.path.floated, ours.path.remote.port) == (True, 4500)
    assert (ours.abilities.translated_here, theirs.abilities.translated_there) == (True, True)


def test_another_group_is_asked_for():
    world, gateway, client = two(gateway=V2Policy((CBC,)))
    ours, theirs = both_keyed(world, client, gateway)
    assert ours.sa.suite == theirs.sa.suite == CBC
    assert ours.sa.keys == theirs.sa.keys
    assert len(gateway.of(Started)) == 1


@pytest.mark.parametrize("seed", range(30))
def test_a_bad_network_loses_no_attempt(seed):
    world, gateway, client = two(gateway=V2Policy((CBC,)), seed=seed, loss=0.3, duplication=0.2, reordering=0.3)
    ours, theirs = both_keyed(world, client, gateway, seconds=60)
    assert ours.sa.keys == theirs.sa.keys
    assert client.sent < 30


def test_no_common_proposal_ends_both_with_the_reason():
    world, gateway, client = two(gateway=V2Policy((CBC,)), client=V2Policy((GCM,)))
    connect(world, client, gateway)
    assert world.run(20, lambda: client.of(Ended) and gateway.of(Ended))
    assert isinstance(gateway.of(Ended)[0].reason, NoProposal)
    assert isinstance(client.of(Ended)[0].reason, ProposalRefused)


def test_a_stranger_that_never_goes_on_is_forgotten():
    world, gateway, client = two()
    both_keyed(world, client, gateway)
    world.network.loss = 1.0
    world.run(40)
    assert gateway.endpoint._sessions.by_id == {}
    assert gateway.endpoint._sessions.by_cookie == {}


def test_copies_of_the_first_message_get_the_same_octets_and_not_each():
    world, gateway, client = two()
    both_keyed(world, client, gateway)
    first = next(data for _, source, _, data in world.wire if source.address == client.address)
    answers = [data for _, source, _, data in world.wire if source.address == gateway.address]
    path = sessions(gateway)[0].path
    assert Header.decode(first).exchange == 34
    for _ in range(20):
        world.do(gateway, gateway.endpoint.receive(first, replace(path), world.now + 1.5))
    again = [data for _, source, _, data in world.wire if source.address == gateway.address][len(answers) :]
    assert again == answers


# --- forged answers --------------------------------------------------------------------------------------------------


def in_clear(session, *payloads, flags=Flag.RESPONSE, responder=bytes(8)):
    header = Header(session.spis.initiator, responder, 0, 34, flags, 0, version=0x20)
    return seal.clear(header, payloads)


def calling():
    """A client whose first message has not arrived yet."""
    world, gateway, client = two()
    connect(world, client, gateway)
    return world, gateway, client, sessions(client)[0]


@pytest.mark.parametrize("error", [14, 7, 24, 5, 999])
def test_a_forged_refusal_ends_nothing_while_the_true_answer_comes(error):
    world, _gateway, client, session = calling()
    assert deliver(world, client, in_clear(session, Notification(error))) == []
    assert world.run(20, lambda: keyed(client))
    assert client.of(Ended) == []
    assert session.refused is None


def test_a_refusal_is_believed_where_nothing_else_comes():
    world, _gateway, client, session = calling()
    world.network.loss = 1.0
    deliver(world, client, in_clear(session, Notification(NotifyType.NO_PROPOSAL_CHOSEN)))
    assert world.run(5, lambda: client.of(Ended))
    assert isinstance(client.of(Ended)[0].reason, ProposalRefused)


CRITICAL = Received(200, b"?", Unknown(200, b"?"), 0, critical=True)


@pytest.mark.parametrize(
    "payloads",
    [
        (),
        (Notification(NotifyType.INVALID_KE_PAYLOAD, b"\0\x02"),),
        (Notification(NotifyType.INVALID_KE_PAYLOAD, b"\0\x1f"),),
        (Notification(NotifyType.INVALID_KE_PAYLOAD, b"\x1f"),),
        (Notification(NotifyType.COOKIE, b""),),
        (Notification(NotifyType.COOKIE, bytes(65)),),
        (ike_proposals((CBC,)), KeyExchange(19, bytes(64)), Nonce(bytes(32))),
        (ike_proposals((GCM,)), KeyExchange(31, bytes(32)), Nonce(bytes(32))),
        (ike_proposals((GCM,)), KeyExchange(31, bytes(31)), Nonce(bytes(32))),
        (ike_proposals((GCM,)), KeyExchange(31, b"\x09" * 32), Nonce(bytes(15))),
        (ike_proposals((GCM,)), KeyExchange(31, b"\x09" * 32), Nonce(bytes(257))),
        (ike_proposals((GCM, CBC)), KeyExchange(31, b"\x09" * 32), Nonce(bytes(32))),
        (ike_proposals((GCM,)), Nonce(bytes(32))),
        (Notification(NotifyType.COOKIE, b"cookie"), CRITICAL),
    ],
)
def test_an_answer_that_cannot_be_is_dropped(payloads):
    world, gateway, client, session = calling()
    assert deliver(world, client, in_clear(session, *payloads, responder=b"somebody")) == []
    assert len(client.of(Dropped)) == 1
    assert world.run(20, lambda: keyed(client) and keyed(gateway))


def test_answers_are_taken_from_the_address_that_was_called_only():
    world, _gateway, client, session = calling()
    data = in_clear(session, Notification(NotifyType.COOKIE, b"cookie"))
    assert deliver(world, client, data, from_elsewhere(session.path)) == []
    world.network.loss = 1.0
    assert world.run(130, lambda: client.of(Ended))
    assert "203.0.113.77 answered in its place" in client.of(Ended)[0].reason.text


def test_forged_cookies_end_nothing_while_the_true_answer_comes():
    """Whoever sees the first message can ask for another one as often as it likes (RFC 7296 §2.21.1)."""
    world, gateway, client, session = calling()
    world._queue.clear()
    sent = [deliver(world, client, cookie(session, number)) for number in range(10)]
    assert [len(each) for each in sent] == [1] * (MOST_TURNS - 1) + [0] * (11 - MOST_TURNS)
    assert world.run(2, lambda: keyed(client) and keyed(gateway))
    assert client.of(Ended) == []
    assert session.refused is None


def cookie(session, number) -> bytes:
    return in_clear(session, Notification(NotifyType.COOKIE, bytes([number])))


def test_cookies_and_groups_for_ever_end_the_attempt():
    world, _gateway, client, session = calling()
    world.network.loss = 1.0
    for number in range(10):
        if not client.of(Ended):
            deliver(world, client, cookie(session, number), session.path)
    assert world.run(5, lambda: client.of(Ended))
    assert "again and again" in client.of(Ended)[0].reason.text


# --- cookies ---------------------------------------------------------------------------------------------------------

NOBODY = Rate(0.0, 0.0)
BUSY = AdmissionLimits(strangers=replace(STRANGERS, at_once=NOBODY, at_once_site=NOBODY))


def besieged(**network):
    """A gateway that answers nobody at once."""
    world, gateway, client = two(**network)
    gateway.policy = replace(gateway.policy, admission=BUSY)
    gateway.endpoint = Endpoint(gateway.policy, CheapRandomness(3))
    return world, gateway, client


def test_under_load_a_stranger_shows_its_address_by_a_cookie():
    world, gateway, client = besieged()
    began = world.now
    ours, theirs = both_keyed(world, client, gateway)
    assert ours.sa.keys == theirs.sa.keys
    assert world.now - began < 0.5, "no repetition was waited for"
    assert len(gateway.of(Started)) == 1
    first, second = sent_by(world, client)[:2]
    assert len(second) > len(first)


@pytest.mark.parametrize("seed", range(10))
def test_under_load_a_bad_network_loses_no_attempt(seed):
    world, gateway, client = besieged(seed=seed, loss=0.3, duplication=0.3, reordering=0.3)
    ours, theirs = both_keyed(world, client, gateway, seconds=60)
    assert ours.sa.keys == theirs.sa.keys


def test_a_flood_costs_no_session_and_gets_less_than_it_sends():
    world, gateway, client = besieged()
    connect(world, client, gateway)
    first = sent_by(world, client)[0]
    path = sessions(client)[0].path
    for number in range(200):
        other = (number + 1).to_bytes(8, "big") + first[8:]
        effects = gateway.endpoint.receive(
            other, Path(path.remote, Peer(IPv4Address(0x0A000000 + number), 500)), world.now
        )
        (answer,) = [each.data for each in effects if isinstance(each, Transmit)]
        assert len(answer) < len(first) / 3
    assert sessions(gateway) == []


@pytest.mark.parametrize("change", ["cookie", "address", "spi", "nonce", "late"])
def test_a_cookie_is_good_for_its_sender_alone(change):
    world, gateway, client = besieged()
    connect(world, client, gateway)
    session, first = sessions(client)[0], sent_by(world, client)[0]
    path = Path(session.path.remote, Peer(IPv4Address("203.0.113.1"), 500))
    world.do(client, client.endpoint.receive(challenged(gateway, first, path, world.now), session.path, world.now))
    second = bytearray(sent_by(world, client)[1])
    if change == "cookie":
        second[28 + 8 + 3] ^= 1
    elif change == "address":
        path = path.to(Peer(IPv4Address("203.0.113.2"), 500))
    elif change == "spi":
        second[0] ^= 1
    elif change == "nonce":
        second[second.index(session_nonce(session))] ^= 1
    later = 200.0 if change == "late" else 0.0
    gateway.endpoint.receive(bytes(second), path, world.now + later)
    assert sessions(gateway) == []
    if change == "late":
        return
    gateway.endpoint.receive(
        sent_by(world, client)[1], Path(path.local, Peer(IPv4Address("203.0.113.1"), 500)), world.now
    )
    assert len(sessions(gateway)) == 1


def challenged(gateway, first, path, now):
    (answer,) = [e.data for e in gateway.endpoint.receive(first, path, now) if isinstance(e, Transmit)]
    return answer


def session_nonce(session):
    request = session.exchanges.ours.under_way.request
    return next(each.data for each in request.payloads if isinstance(each, Nonce))
