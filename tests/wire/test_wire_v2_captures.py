"""Every recorded message of real peers of IKEv2 decodes, and encodes again to the same octets."""

from __future__ import annotations

import pytest

import recordings_v2
from lotor.wire.header import Header
from lotor.wire.v2.association import SecurityAssociation
from lotor.wire.v2.chain import build_chain, build_message, build_sealed, parse_chain
from lotor.wire.v2.numbers import ExchangeType, Flag, NotifyType, PayloadType
from lotor.wire.v2.payloads import (
    Configuration,
    EncryptedFragment,
    KeyExchange,
    Nonce,
    Notification,
    TrafficSelectors,
    Unknown,
    UnknownSelector,
)

MESSAGES, CONTENTS = recordings_v2.messages(), recordings_v2.contents()


@pytest.mark.parametrize("name", recordings_v2.NAMES)
def test_recorded_datagrams_survive_a_round_trip(name):
    messages = [message for message in MESSAGES if message.recording == name]
    assert len(messages) > 5
    for message in messages:
        header, body = recordings_v2.split(message.raw)
        chain = parse_chain(header.next_payload, body)
        assert (chain.sealed is None) == (message.plain is None)
        if chain.sealed is None:
            first, octets = build_chain([received.value for received in chain.payloads])
        else:
            (received,) = chain.payloads
            assert received.first == message.first
            first, octets = received.type, build_sealed(received.first, received.value)
        assert build_message(header, first, octets) == message.raw
        assert (header.major, header.flags & Flag.VERSION) == (2, 0)


@pytest.mark.parametrize("name", recordings_v2.NAMES)
def test_recorded_contents_survive_a_round_trip(name):
    contents = [content for content in CONTENTS if content.recording == name]
    assert len(contents) > 5
    for content in contents:
        chain = parse_chain(content.first, content.octets)
        assert content.payloads in {None, chain.types()}
        assert build_chain([received.value for received in chain.payloads]) == (content.first, content.octets)
        assert build_chain(chain.payloads) == (content.first, content.octets)
        assert [content.octets[each.start + 4 :][: len(each.body)] for each in chain.payloads] == [
            each.body for each in chain.payloads
        ]


def test_nothing_recorded_is_unknown():
    assert len(MESSAGES) > 300
    chains = [parse_chain(content.first, content.octets) for content in CONTENTS]
    assert not [chain for chain in chains if chain.first(Unknown) or chain.unknown_critical() is not None]
    notified = {notice.type for chain in chains for notice in chain.all(Notification)}
    assert len(notified) > 15
    assert notified - set(NotifyType) == set()
    selectors = [each for chain in chains for payload in chain.all(TrafficSelectors) for each in payload.selectors]
    assert len(selectors) > 50
    assert not [each for each in selectors if isinstance(each, UnknownSelector)]


@pytest.mark.parametrize("name", recordings_v2.NAMES)
def test_public_values_and_nonces_are_those_of_the_keys(name):
    recording = recordings_v2.load(name)
    values = set[str]()
    for content in CONTENTS:
        if content.recording == name:
            chain = parse_chain(content.first, content.octets)
            values |= {each.data.hex() for each in (*chain.all(KeyExchange), *chain.all(Nonce))}
    for sa in recording["ike_sas"]:
        assert {sa["ke_i"], sa["ke_r"], sa["ni"], sa["nr"]} <= values
    assert len(values) >= 4


def test_the_bodies_of_ids_are_those_that_auth_covers():
    known = {(name, auth["id"]) for name in recordings_v2.NAMES for auth in recordings_v2.load(name)["auths"]}
    compared = 0
    for content in CONTENTS:
        chain = parse_chain(content.first, content.octets)
        if PayloadType.AUTHENTICATION in chain.types():
            answer = content.header.flags & Flag.RESPONSE
            body = chain.body(PayloadType.IDENTIFICATION_R if answer else PayloadType.IDENTIFICATION_I)
            assert body is None or (content.recording, body.hex()) in known
            compared += body is not None
    assert compared > 25


def test_fragments_say_which_they_are():
    fragments = [message for message in MESSAGES if message.fragment]
    assert len(fragments) > 10
    for message in fragments:
        header, body = recordings_v2.split(message.raw)
        value = parse_chain(header.next_payload, body).only(EncryptedFragment)
        assert (value.number, value.total) == message.fragment


def test_signed_messages_are_messages():
    sas = [sa for name in recordings_v2.NAMES for sa in recordings_v2.load(name)["ike_sas"]]
    signed = [bytes.fromhex(sa[key]) for sa in sas for key in ("message_1", "message_2") if key in sa]
    assert len(signed) > 50
    for datagram in signed:
        header, body = recordings_v2.split(datagram)
        assert header.exchange == ExchangeType.IKE_SA_INIT
        assert parse_chain(header.next_payload, body).first(SecurityAssociation)


def test_a_configuration_lists_what_is_asked_and_given():
    chains = [parse_chain(content.first, content.octets) for content in CONTENTS]
    configurations = [each for chain in chains for each in chain.all(Configuration)]
    assert {each.type for each in configurations} == {1, 2}
    assert all(len(value) in {0, 4} for each in configurations for value in each.all(1))


def test_only_ike_sa_init_is_in_the_clear():
    headers = [(Header.decode(message.raw), message) for message in MESSAGES]
    clear = {header.exchange for header, message in headers if message.plain is None}
    assert clear == {ExchangeType.IKE_SA_INIT}
    assert ExchangeType.IKE_SA_INIT not in {header.exchange for header, message in headers if message.plain is not None}
