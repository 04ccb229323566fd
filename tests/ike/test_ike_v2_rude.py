"""Devices that lie, skip, repeat and forge at a gateway of IKEv2: a notification where the RFC asks for one, and never
an address, an SA pair or a login."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lotor.ike.events import Ended, LoggedIn
from lotor.ike.v2 import ends
from lotor.model.reasons.proofs import SelectorsUnacceptable
from lotor.wire.eap import mschapv2
from lotor.wire.eap.packet import Packet, Type, request, success
from lotor.wire.header import Header
from lotor.wire.v2.chain import build_chain, build_message
from lotor.wire.v2.numbers import VERSION, ExchangeType, Flag, NotifyType
from lotor.wire.v2.payloads import Authentication, Eap, Encrypted, Notification, TrafficSelectors, Unknown
from peers import devices
from peers.guest import AUTH, SPI, Guest, errors
from peers.reception import USUAL, visit


def guest() -> Guest:
    return visit(devices.apple(), *USUAL)


def asked_for_name(visitor: Guest) -> Packet:
    """Up to the gateway's first packet of EAP."""
    assert visitor.begin()
    return visitor.asked_for_name()


def challenged(visitor: Guest) -> Packet:
    """Up to the challenge of MSCHAPv2."""
    packet = asked_for_name(visitor)
    packet = Packet.decode(visitor.ask(AUTH, Eap(visitor._answer(packet).encode())).only(Eap).packet)
    assert packet.type == Type.MSCHAPV2
    return packet


def nothing_came_of_it(visitor: Guest) -> bool:
    gateway = visitor.gateway
    return not (gateway.of(LoggedIn) or gateway.installed or gateway.leases)


def refused(visitor: Guest, *payloads) -> list[int]:
    """The errors in the answer; nothing came of it, and nothing will."""
    chain = visitor.ask(AUTH, *payloads)
    assert nothing_came_of_it(visitor)
    proof = Authentication(2, visitor.speaker.keyed(visitor.speaker.sa.keys.pi, visitor.device.identification))
    assert visitor.send(visitor.speaker.request(AUTH, proof)) == []
    assert nothing_came_of_it(visitor)
    return errors(chain) + [Packet.decode(each.packet).code + 100000 for each in chain.all(Eap)]


FAILED, EAP_FAILURE = NotifyType.AUTHENTICATION_FAILED, 100004


def test_a_login_is_not_skipped():
    """By a proof with a key that everybody has who spoke IKE_SA_INIT."""
    visitor = guest()
    asked_for_name(visitor)
    proof = visitor.speaker.keyed(visitor.speaker.sa.keys.pi, visitor.device.identification)
    assert refused(visitor, Authentication(2, proof)) == [NotifyType.INVALID_SYNTAX]


def test_success_is_not_told_to_a_gateway():
    visitor = guest()
    packet = challenged(visitor)
    assert refused(visitor, Eap(success(packet.identifier).encode())) in (
        [FAILED],
        [EAP_FAILURE],
        [FAILED, EAP_FAILURE],
    )


@pytest.mark.parametrize(
    "octets",
    [b"", b"\2", b"\2\0\0\5", b"\1\1\0\5\1", b"\5\1\0\4", b"\2\1\xff\xff\x1a", b"\2\1\0\x09\x1a\2\0\0\4"],
)
def test_packets_that_are_none_end_the_attempt(octets):
    visitor = guest()
    challenged(visitor)
    assert refused(visitor, Eap(octets)) != []


def test_an_answer_to_another_request_is_none():
    visitor = guest()
    packet = challenged(visitor)
    answer = replace(visitor._answer(packet), identifier=packet.identifier ^ 1)
    assert refused(visitor, Eap(answer.encode())) != []


def test_an_answer_to_another_challenge_is_none():
    visitor = guest()
    packet = challenged(visitor)
    other = replace(mschapv2.decode_request(packet.data), challenge=bytes(16))
    forged = request(packet.identifier, Type.MSCHAPV2, mschapv2.encode(other))
    chain = visitor.ask(AUTH, Eap(visitor._answer(forged).encode()))
    said = mschapv2.decode_request(Packet.decode(chain.only(Eap).packet).data)
    assert isinstance(said, mschapv2.Failure)
    assert nothing_came_of_it(visitor)


@pytest.mark.parametrize("wishes", [(), (Type.MD5,), (Type.TLS, Type.PEAP)])
def test_a_device_that_wants_another_method_is_refused(wishes):
    visitor = guest()
    packet = challenged(visitor)
    assert refused(visitor, Eap(packet.refusal(wishes).encode())) != []


def acknowledged(visitor: Guest, packet: Packet) -> None:
    """From a request up to EAP-Success."""
    while packet.type:
        packet = Packet.decode(visitor.ask(AUTH, Eap(visitor._answer(packet).encode())).only(Eap).packet)


@pytest.mark.parametrize("key", ["zeros", "SK_pi", "SK_pr", "half"])
def test_success_of_a_method_is_no_proof_without_its_key(key):
    """Somebody in the middle has the packets of EAP, and not what the password makes (RFC 7296 §2.16)."""
    visitor = guest()
    acknowledged(visitor, challenged(visitor))
    keys = visitor.speaker.sa.keys
    secret = {"zeros": bytes(64), "SK_pi": keys.pi, "SK_pr": keys.pr, "half": visitor.msk[:16]}[key]
    proof = Authentication(2, visitor.speaker.keyed(secret, visitor.device.identification))
    assert refused(visitor, proof) == [FAILED]


def test_the_name_in_the_response_is_who_logs_in():
    """The identity before it is a hint, and anybody's."""
    visitor = guest()
    packet = asked_for_name(visitor).response(b"root")
    acknowledged(visitor, Packet.decode(visitor.ask(AUTH, Eap(packet.encode())).only(Eap).packet))
    assert visitor._finish()
    assert [each.user for each in visitor.gateway.of(LoggedIn)] == ["alice"]


def test_a_request_again_gets_the_same_octets():
    """The third time in smaller pieces: large ones may have been lost on the way."""
    visitor = guest()
    assert visitor.begin()
    datagrams = visitor.speaker.request(AUTH, *visitor.device.first_request(SPI))
    first = set(visitor.send(datagrams))
    assert first
    for _ in range(2):
        assert set(visitor.send(datagrams)) == first
    pieces = set(visitor.send(datagrams))
    assert max(map(len, pieces)) <= 576
    assert set(visitor.send(datagrams)) == pieces
    assert any(visitor.speaker.hear(piece) for piece in pieces)


@pytest.mark.parametrize("exchange", [ExchangeType.IKE_AUTH, ExchangeType.INFORMATIONAL, ExchangeType.CREATE_CHILD_SA])
def test_nothing_is_answered_in_the_clear(exchange):
    visitor = guest()
    assert visitor.begin()
    speaker = visitor.speaker
    header = Header(speaker.spi_i, speaker.spi_r, 0, exchange, Flag.INITIATOR, 1, 0, VERSION)
    assert visitor.send([build_message(header, *build_chain(visitor.device.first_request(SPI)))]) == []
    assert visitor.log_in()


def test_what_is_not_sealed_right_is_not_heard():
    """Each octet counts: of the header, of the ciphertext, of the ICV."""
    visitor = guest()
    assert visitor.begin()
    (datagram,) = visitor.speaker.request(AUTH, *visitor.device.first_request(SPI))
    visitor.speaker.said -= 1
    places = (19, 28, 29, 40, 100, len(datagram) - 1)
    for place in places:
        changed = bytearray(datagram)
        changed[place] ^= 1
        assert visitor.send([bytes(changed)]) == []
    assert len(places) == 6
    assert visitor.log_in()


def test_an_unknown_payload_that_must_not_be_skipped_is_named():
    visitor = guest()
    assert visitor.begin()
    speaker = visitor.speaker
    speaker.said += 1
    header = Header(speaker.spi_i, speaker.spi_r, 0, AUTH, Flag.INITIATOR, 1, 0, VERSION)
    first, content = build_chain((Unknown(200, b"?"), *visitor.device.first_request(SPI)))
    content = content[:1] + b"\x80" + content[2:]
    (arrived,) = visitor.send([speaker._seal(header, first, content, Encrypted)])
    _, chain = speaker.hear(arrived)
    (note,) = chain.all(Notification)
    assert (note.type, note.data) == (NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, bytes([200]))
    assert nothing_came_of_it(visitor)


@pytest.mark.parametrize("missing", ["Identification", "TrafficSelectors"])
def test_a_first_request_without_what_it_needs_is_refused(missing):
    visitor = guest()
    assert visitor.begin()
    kept = [each for each in visitor.device.first_request(SPI) if type(each).__name__ != missing]
    chain = visitor.ask(AUTH, *kept)
    assert errors(chain) == [NotifyType.INVALID_SYNTAX]
    assert nothing_came_of_it(visitor)


def test_selectors_that_say_nothing_cost_the_pair_and_not_the_login():
    visitor = guest()
    assert visitor.begin()
    payloads = visitor.device.first_request(SPI)
    visitor.device = replace(
        visitor.device,
        opening=tuple(
            TrafficSelectors((), each.initiator) if isinstance(each, TrafficSelectors) else each for each in payloads
        ),
    )
    assert not visitor.log_in()
    assert visitor.refused == (NotifyType.TS_UNACCEPTABLE,)
    assert visitor.gateway.of(LoggedIn)
    assert not visitor.gateway.installed
    for _ in range(9):
        visitor.world.run(ends.LOGIN_GRACE_S / 10)
        assert visitor.probe()
    visitor.world.run(ends.LOGIN_GRACE_S / 10)
    (over,) = visitor.gateway.of(Ended)
    assert isinstance(over.reason, SelectorsUnacceptable), "not that the client is slow, which it is not"
