"""A gateway whose blocks speak IKEv1 alone says so to a stranger who comes by IKEv2."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from lotor.ike.effects import Tell, Transmit
from lotor.ike.endpoint import Endpoint
from lotor.ike.events import Started
from lotor.ike.intents import Shun
from lotor.model.network import Path, Peer
from lotor.model.policy import Policy, V2Policy
from lotor.wire.header import Header
from lotor.wire.v2.chain import parse_chain
from lotor.wire.v2.numbers import ExchangeType, Flag, NotifyType, PayloadType
from lotor.wire.v2.payloads import Notification
from peers.reception import ESP, USUAL
from peers.world import GATEWAY, CheapRandomness

FIRST = Header(b"stranger", bytes(8), PayloadType.SA, ExchangeType.IKE_SA_INIT, Flag.INITIATOR, 0, version=0x20)
REQUEST = FIRST.encode(400) + bytes(400)
WAY = Path(Peer(ip_address("192.0.2.50"), 500), Peer(ip_address("198.51.100.10"), 500))


def sent(effects):
    return [effect.data for effect in effects if isinstance(effect, Transmit)]


def test_a_client_need_not_wait_for_silence():
    gateway = Endpoint(Policy((GATEWAY,), ESP), CheapRandomness(1))
    effects = gateway.receive(REQUEST, WAY, 1.0)
    (answer,) = sent(effects)
    header = Header.decode(answer)
    assert (header.initiator, header.responder, header.message_id) == (FIRST.initiator, bytes(8), 0)
    assert header.flags == Flag.RESPONSE
    note = parse_chain(header.next_payload, answer[Header.SIZE :]).only(Notification)
    assert note.type == NotifyType.INVALID_MAJOR_VERSION
    assert len(answer) < len(REQUEST)
    assert not any(isinstance(each, Tell) and isinstance(each.event, Started) for each in effects)


def test_a_flood_gets_a_bounded_number_of_answers():
    gateway = Endpoint(Policy((GATEWAY,), ESP), CheapRandomness(1))
    firsts = (replace(FIRST, initiator=number.to_bytes(8, "big")).encode(400) + bytes(400) for number in range(1, 301))
    answers = [each for first in firsts for each in sent(gateway.receive(first, WAY, 1.0))]
    assert 1 <= len(answers) <= 32


def test_a_banned_network_gets_no_answer():
    gateway = Endpoint(Policy((GATEWAY,), ESP), CheapRandomness(1))
    gateway.command(Shun(frozenset({ip_network("198.51.100.0/24")})), 1.0)
    assert sent(gateway.receive(REQUEST, WAY, 1.0)) == []
    assert gateway.admissions().shunned == 1


@pytest.mark.parametrize("versions", [(1, 2), (2,)])
def test_a_gateway_that_speaks_it_does_not_say_so(versions):
    remote = replace(GATEWAY, versions=versions, v2=V2Policy(USUAL))
    gateway = Endpoint(Policy((remote,), ESP), CheapRandomness(1))
    told = set[int]()
    for each in sent(gateway.receive(REQUEST, WAY, 1.0)):
        header = Header.decode(each)
        told |= {note.type for note in parse_chain(header.next_payload, each[Header.SIZE :]).all(Notification)}
    assert NotifyType.INVALID_MAJOR_VERSION not in told
