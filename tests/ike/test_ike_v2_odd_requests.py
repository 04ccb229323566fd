"""Requests of a proved device that are malformed, misplaced or misused after IKE_AUTH: a notification where the RFC
asks for one, and the session goes on as it was."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network

import pytest

from lotor.ike.children import MOST_PAIRS
from lotor.ike.events import Dropped, Ended, Renewed
from lotor.ike.questions import AcquireConfiguration
from lotor.model.algorithms import Group
from lotor.wire.header import Header
from lotor.wire.v2.association import SecurityAssociation
from lotor.wire.v2.chain import build_chain, build_message
from lotor.wire.v2.numbers import VERSION, ExchangeType, Flag, NotifyType, Protocol
from lotor.wire.v2.payloads import Delete, KeyExchange, Nonce, Notification, TrafficSelectors
from lotor.wire.v2.proposals import ike_proposals
from peers import devices
from peers.auth import SUITE2
from peers.guest import SPI, Guest, errors
from peers.reception import USUAL, visit
from peers.world import CONFIGURATION

CREATE, INFORMATIONAL = ExchangeType.CREATE_CHILD_SA, ExchangeType.INFORMATIONAL
OTHER = b"\xc0\xff\xee\x02"
RANGES = devices.everything()
TS = (TrafficSelectors(RANGES, initiator=True), TrafficSelectors(RANGES, initiator=False))
NONCE = Nonce(bytes(range(32)))
"""A request for another pair, but for its proposals."""
FOR_ONE = Notification(NotifyType.SA_RESOURCE_INFO, b"processor 1")
"""What such a request has where the pair is for one processor of the peer (RFC 9611)."""


def guest() -> Guest:
    visitor = visit(devices.apple(), *USUAL)
    assert visitor.come_up()
    return visitor


def esp(visitor: Guest, spi: bytes = OTHER, group: Group | None = None) -> SecurityAssociation:
    return visitor.device.child(spi, group)


def rekeying(spi: bytes, protocol: int = Protocol.ESP) -> Notification:
    return Notification(NotifyType.REKEY_SA, spi=spi, protocol=protocol)


def unharmed(visitor: Guest) -> None:
    """The session, its pair, and another one when it is asked for right."""
    gateway = visitor.gateway
    assert not gateway.of(Ended) + gateway.of(Renewed)
    assert len(gateway.installed) == 1
    assert visitor.probe()
    assert visitor.ask(CREATE, rekeying(SPI), esp(visitor), NONCE, *TS).first(SecurityAssociation)
    assert len(gateway.installed) == 2


SYNTAX, NONE_CHOSEN = NotifyType.INVALID_SYNTAX, NotifyType.NO_PROPOSAL_CHOSEN

CREATES = {
    "no proposals": (lambda v: (NONCE, *TS), SYNTAX),
    "no nonce": (lambda v: (esp(v), *TS), SYNTAX),
    "nonce too short": (lambda v: (esp(v), Nonce(bytes(15)), *TS), SYNTAX),
    "nonce too long": (lambda v: (esp(v), Nonce(bytes(257)), *TS), SYNTAX),
    "no selectors": (lambda v: (esp(v), NONCE), SYNTAX),
    "one side's selectors": (lambda v: (esp(v), NONCE, TS[0]), SYNTAX),
    "SPI of no octets": (lambda v: (esp(v, b""), NONCE, *TS), NONE_CHOSEN),
    "SPI of three octets": (lambda v: (esp(v, b"abc"), NONCE, *TS), NONE_CHOSEN),
    "SPI of eight octets": (lambda v: (esp(v, b"abcdefgh"), NONCE, *TS), NONE_CHOSEN),
    "SPI 0": (lambda v: (esp(v, bytes(4)), NONCE, *TS), NONE_CHOSEN),
    "SPI 255": (lambda v: (esp(v, b"\0\0\0\xff"), NONCE, *TS), NONE_CHOSEN),
    "rekey of an unknown SPI": (lambda v: (rekeying(b"\1\2\3\4"), esp(v), NONCE, *TS), NotifyType.CHILD_SA_NOT_FOUND),
    "rekey of a short SPI": (lambda v: (rekeying(b"\1"), esp(v), NONCE, *TS), NotifyType.CHILD_SA_NOT_FOUND),
    "rekey by AH": (lambda v: (rekeying(SPI, Protocol.AH), esp(v), NONCE, *TS), NotifyType.CHILD_SA_NOT_FOUND),
    "another pair for a processor": (lambda v: (FOR_ONE, esp(v), NONCE, *TS), NotifyType.TS_MAX_QUEUE),
    "one for a processor without a name": (
        lambda v: (replace(FOR_ONE, data=b""), esp(v), NONCE, *TS),
        NotifyType.TS_MAX_QUEUE,
    ),
    "IKE without a key exchange": (lambda v: (ike_proposals(USUAL, b"8 octets"), NONCE), SYNTAX),
    "IKE without an SPI": (lambda v: (ike_proposals((v.speaker.sa.suite,)), NONCE, exchange(v)), SYNTAX),
    "IKE with an SPI of four octets": (
        lambda v: (ike_proposals((v.speaker.sa.suite,), b"four"), NONCE, exchange(v)),
        NONE_CHOSEN,
    ),
    "IKE with a short nonce": (
        lambda v: (ike_proposals((v.speaker.sa.suite,), b"8 octets"), Nonce(b"short"), exchange(v)),
        SYNTAX,
    ),
    "IKE with an unusable key exchange": (
        lambda v: (ike_proposals((v.speaker.sa.suite,), b"8 octets"), NONCE, replace(exchange(v), data=b"?")),
        SYNTAX,
    ),
    "IKE with a key exchange of another group": (
        lambda v: (ike_proposals((v.speaker.sa.suite,), b"8 octets"), NONCE, KeyExchange(18, bytes(1024))),
        NotifyType.INVALID_KE_PAYLOAD,
    ),
    "IKE with nothing that is taken": (
        lambda v: (ike_proposals((replace(SUITE2, group=Group.MODP1024),), b"8 octets"), NONCE, exchange(v)),
        NONE_CHOSEN,
    ),
}


def exchange(visitor: Guest) -> KeyExchange:
    group = visitor.speaker.sa.suite.group
    return KeyExchange(group, visitor.speaker.randomness.key_pair(group).public)


@pytest.mark.parametrize("which", CREATES)
def test_a_request_that_cannot_be_granted_costs_nothing(which):
    make, error = CREATES[which]
    visitor = guest()
    assert errors(visitor.ask(CREATE, *make(visitor))) == [error]
    unharmed(visitor)


def noted(answer) -> list[int]:
    return [each.type for each in answer.all(Notification)]


def test_pairs_for_each_processor_of_a_peer_are_one_pair():
    """However often it asks; and the pair that there is can be renewed, with the notification, too."""
    visitor = guest()
    for number in range(2 * MOST_PAIRS):
        wish = (replace(FOR_ONE, data=bytes([number])), esp(visitor), NONCE, *TS)
        assert noted(visitor.ask(CREATE, *wish)) == [NotifyType.TS_MAX_QUEUE]
    assert len(visitor.gateway.installed) == 1
    answer = visitor.ask(CREATE, rekeying(SPI), FOR_ONE, esp(visitor), NONCE, *TS)
    assert answer.first(SecurityAssociation)
    assert noted(answer) == [], "a peer that is promised no more pairs asks for none"
    assert len(visitor.gateway.installed) == 2


def test_a_pair_of_the_same_networks_that_is_for_no_processor_is_made():
    """As before: RFC 7296 §1.3.1 lets a peer have several."""
    visitor = guest()
    assert visitor.ask(CREATE, esp(visitor), NONCE, *TS).first(SecurityAssociation)
    assert len(visitor.gateway.installed) == 2


def test_a_peer_has_so_many_pairs_and_no_more():
    """The refusal is in words of both versions of IKE."""
    visitor = guest()
    for number in range(1001, 1000 + MOST_PAIRS):
        assert visitor.ask(CREATE, esp(visitor, number.to_bytes(4)), NONCE, *TS).first(SecurityAssociation)
    assert errors(visitor.ask(CREATE, esp(visitor), NONCE, *TS)) == [NotifyType.NO_ADDITIONAL_SAS]
    assert len(visitor.gateway.installed) == MOST_PAIRS
    said = f"{MOST_PAIRS} SA pairs are there or begun already, no more are given to one peer"
    assert said in visitor.gateway.of(Dropped)[-1].text()


def test_once_its_pair_is_deleted_a_peer_gets_another_one_for_a_processor():
    visitor = guest()
    visitor.ask(INFORMATIONAL, Delete(Protocol.ESP, (SPI,)))
    answer = visitor.ask(CREATE, FOR_ONE, esp(visitor), NONCE, *TS)
    assert answer.first(SecurityAssociation)
    assert noted(answer) == []


DELETES = {
    "foreign": Delete(Protocol.ESP, (b"\1\2\3\4", b"\5\6\7\x08")),
    "the gateway's own": None,
    "of AH": Delete(Protocol.AH, (SPI,)),
}


@pytest.mark.parametrize("which", DELETES)
def test_deletes_of_what_is_not_the_peers_to_delete(which):
    visitor = guest()
    (child,) = visitor.gateway.installed.values()
    own = Delete(Protocol.ESP, (child.inbound.spi.to_bytes(4, "big"),))
    assert visitor.ask(INFORMATIONAL, DELETES[which] or own).payloads == ()
    unharmed(visitor)


BROKEN = {
    "two nonces": (CREATE, lambda v: (esp(v), NONCE, NONCE, *TS)),
    "two SA payloads": (CREATE, lambda v: (esp(v), esp(v), NONCE, *TS)),
    "65 SPIs": (
        INFORMATIONAL,
        lambda _: (Delete(Protocol.ESP, tuple(each.to_bytes(4, "big") for each in range(1000, 1065))),),
    ),
}


@pytest.mark.parametrize("which", BROKEN)
def test_a_message_that_is_none_ends_the_session_with_a_word(which):
    """RFC 7296 §2.21.3: the two ends do not speak the same protocol."""
    kind, make = BROKEN[which]
    visitor = guest()
    assert errors(visitor.ask(kind, *make(visitor))) == [SYNTAX]
    assert len(visitor.gateway.of(Ended)) == 1
    assert not visitor.gateway.installed


@pytest.mark.parametrize("kind", [CREATE, INFORMATIONAL])
def test_what_is_in_clear_or_says_that_it_is_a_response_is_not_heard(kind):
    visitor = guest()
    speaker = visitor.speaker
    header = Header(speaker.spi_i, speaker.spi_r, 0, kind, Flag.INITIATOR, speaker.said + 1, 0, VERSION)
    payloads = (Delete(Protocol.IKE),) if kind == INFORMATIONAL else (esp(visitor), NONCE, *TS)
    assert visitor.send([build_message(header, *build_chain(payloads))]) == []
    for flags in (0, Flag.RESPONSE, Flag.INITIATOR | Flag.RESPONSE):
        assert visitor.send(speaker.sealed(replace(header, flags=flags), payloads)) == []
    unharmed(visitor)


def test_a_request_that_somebody_replays_later_makes_no_second_pair():
    visitor = guest()
    old = visitor.speaker.request(CREATE, rekeying(SPI), esp(visitor), NONCE, *TS)
    assert visitor.send(old)
    assert visitor.probe()
    assert visitor.send(old) == []
    assert len(visitor.gateway.installed) == 2


NOTES = {
    "addresses": [Notification(16397, bytes([10, 0, 0, number])) for number in range(100)],
    "addresses of a wrong length": [Notification(16397, b"?"), Notification(16398, b""), Notification(16399, b"x")],
    "a window": [Notification(NotifyType.SET_WINDOW_SIZE, (64).to_bytes(4, "big"))],
    "no window": [Notification(NotifyType.SET_WINDOW_SIZE, b"")],
}


@pytest.mark.parametrize("which", NOTES)
def test_other_addresses_and_larger_windows_are_passed_over(which):
    """One request at a time is always right, and a gateway answers where the client is."""
    visitor = guest()
    path = next(iter(visitor.gateway.endpoint._sessions.by_id.values())).path
    assert visitor.ask(INFORMATIONAL, *NOTES[which]).payloads == ()
    assert next(iter(visitor.gateway.endpoint._sessions.by_id.values())).path == path
    unharmed(visitor)


def test_windows_gets_everything_in_a_new_pair_too():
    """It makes no routes of selectors: a split tunnel is no reason to narrow them."""
    visitor = visit(devices.windows_hardened(), *USUAL)
    given = replace(CONFIGURATION, split_include=(IPv4Network("10.0.0.0/8"),))
    visitor.gateway.answers[AcquireConfiguration] = lambda _: given
    assert visitor.come_up()
    chain = visitor.ask(CREATE, esp(visitor), NONCE, *TS)
    assert chain.first(SecurityAssociation)
    pairs = list(visitor.gateway.installed.values())
    assert [each.local_networks for each in pairs] == [(IPv4Network("0.0.0.0/0"),)] * 2
