"""Every recorded message of real peers decodes, and encodes again to the same octets."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest

import codecs_compared
import recordings
from lotor.model.configuration import ModeConfiguration
from lotor.wire.header import Header
from lotor.wire.v1.association import SecurityAssociation
from lotor.wire.v1.chain import Chain, build_message, parse_chain
from lotor.wire.v1.configuration import decode_configuration
from lotor.wire.v1.fragment import split
from lotor.wire.v1.numbers import ConfigAttribute, ConfigType, EspTransform, PayloadType, Protocol, XauthAttribute
from lotor.wire.v1.payloads import (
    Attributes,
    Fragment,
    Identification,
    KeyExchange,
    Nonce,
    Notification,
    Unknown,
    decode_payload,
)
from lotor.wire.v1.proposals import read_esp, read_ike

MESSAGES = recordings.messages()


def chain_of(message: recordings.Message) -> Chain:
    header, body = recordings.split(message.raw)
    return parse_chain(header.next_payload, body if message.plain is None else message.plain)


@pytest.mark.parametrize("message", MESSAGES, ids=str)
def test_a_recorded_message_survives_a_round_trip(message):
    header, body = recordings.split(message.raw)
    plain = body if message.plain is None else message.plain
    chain = codecs_compared.parsed_v1(header.next_payload, plain, exact=message.plain is None)
    assert chain.types() == message.payloads
    first, octets = codecs_compared.built_v1([received.value for received in chain.payloads])
    assert first == header.next_payload
    assert octets == chain.octets
    assert octets + plain[len(octets) :] == plain
    assert not any(plain[len(octets) :])
    if message.plain is None:
        assert build_message(header, first, octets) == message.raw
    assert header.encode(len(body)) == message.raw[: Header.SIZE]


def test_nothing_recorded_is_unknown():
    assert len(MESSAGES) > 250
    assert not [message for message in MESSAGES if chain_of(message).first(Unknown)]


@pytest.mark.parametrize("name", recordings.NAMES)
def test_the_bodies_are_those_that_the_peers_hashed(name):
    sa = recordings.load(name)["ike_sas"][0]
    bodies = {kind: set() for kind in (SecurityAssociation, KeyExchange, Nonce, Identification)}
    for message in reassembled(name):
        for kind, found in bodies.items():
            found.update(chain_of(message).bodies(kind))
    for side in "ir":
        assert bytes.fromhex(sa[f"sa_{side}"]) in bodies[SecurityAssociation]
        assert bytes.fromhex(sa[f"ke_{side}"]) in bodies[KeyExchange]
        assert bytes.fromhex(sa[f"nonce_{side}"]) in bodies[Nonce]
        if f"id_{side}" in sa:  # the dump of main mode has none
            assert bytes.fromhex(sa[f"id_{side}"]) in bodies[Identification]


def reassembled(name: str) -> list[recordings.Message]:
    """The messages of a recording, and those that came in fragments put together."""
    found, pieces = [], {}
    for message in MESSAGES:
        if message.recording != name:
            continue
        found.append(message)
        if fragment := chain_of(message).first(Fragment):
            header = Header.decode(message.raw)
            parts = pieces.setdefault((header.initiator, header.responder, fragment.id), {})
            parts[fragment.number] = fragment
            if any(piece.last and piece.number == len(parts) for piece in parts.values()):
                raw = b"".join(parts[number].data for number in sorted(parts))
                parts.clear()
                if not Header.decode(raw).flags:
                    found.append(recordings.Message(name, message.number, raw, None, ()))
    return found


def test_fragments_are_cut_as_strongswan_cuts_them():
    fragments = [
        message.raw
        for message in MESSAGES
        if message.recording == "hybrid-frag-1200-force" and message.payloads == (PayloadType.FRAGMENT,)
    ][:4]
    pieces = [parse_chain(132, raw[Header.SIZE :], exact=True).first(Fragment) for raw in fragments]
    assert [(piece.number, piece.last) for piece in pieces] == [(1, False), (2, False), (3, False), (4, True)]
    whole = b"".join(piece.data for piece in pieces)
    assert split(whole, pieces[0].id, max(map(len, fragments))) == fragments


def test_vpnc_offers_are_read_and_the_answer_is_a_suite():
    first, answer = [
        chain_of(message).first(SecurityAssociation)
        for message in MESSAGES
        if message.recording == "hybrid-aggressive-vpnc"
    ][:2]
    offers = [read_ike(transform) for transform in first.proposals[0].transforms]
    assert [str(offer) for offer in offers][:2] == [
        "aes-256/sha1/modp2048/hybrid_rsa",
        "aes-256/md5/modp2048/hybrid_rsa",
    ]
    assert [offer.suite() is None for offer in offers] == [False] * 8 + [True] * 4
    assert {offer.lifetime_seconds for offer in offers} == {2147483}
    chosen = read_ike(answer.proposals[0].transforms[0]).suite()
    assert str(chosen) == "aes-256/sha1/modp2048"
    assert chosen.lifetime == 2147483


@pytest.mark.parametrize("name", [name for name in recordings.NAMES if recordings.load(name)["quick_modes"]])
def test_quick_mode_choices_are_suites(name):
    modes = recordings.load(name)["quick_modes"]
    assert modes
    for quick in modes:
        [proposal] = decode_payload(PayloadType.SA, bytes.fromhex(quick["sa_r"])).proposals
        offer = read_esp(proposal.transforms[0])
        assert proposal.protocol == Protocol.ESP
        assert proposal.spi.hex() == quick["spi_r"]
        assert offer.transform_id == quick["transform"] == EspTransform.AES_CBC
        assert offer.key_bits == quick["attributes"]["6"]
        assert offer.integrity == quick["attributes"]["5"]
        assert offer.encapsulation == quick["attributes"]["4"]
        assert offer.suite() is not None


def test_mode_config_of_strongswan_with_unity():
    replies = [
        attributes
        for message in MESSAGES
        if message.recording == "hybrid-aggressive-strongswan-unity"
        for attributes in chain_of(message).all(Attributes)
        if attributes.type == ConfigType.REPLY and attributes.first(ConfigAttribute.INTERNAL_IP4_ADDRESS)
    ]
    assert decode_configuration(replies[0].attributes) == ModeConfiguration(
        address=IPv4Address("10.99.99.10"),
        dns=(IPv4Address("10.99.99.1"),),
        domain=b"lab.example.org",
        banner=b"Welcome to the interop lab",
        split_include=(IPv4Network("10.99.99.0/24"),),
        split_dns=(b"lab.example.org",),
    )


def test_xauth_of_vpnc_carries_the_login():
    replies = [
        attributes
        for message in MESSAGES
        if message.recording == "hybrid-aggressive-vpnc"
        for attributes in chain_of(message).all(Attributes)
        if attributes.type == ConfigType.REPLY and attributes.first(XauthAttribute.USER_NAME)
    ]
    assert replies[0].first(XauthAttribute.USER_NAME).data == b"alice"
    assert replies[0].first(XauthAttribute.USER_PASSWORD).data == b"alicepass"


def test_notifications_of_vpnc_keep_unregistered_numbers():
    types = {n.type for message in MESSAGES if "vpnc" in message.recording for n in chain_of(message).all(Notification)}
    assert {24578, 40503, 36136, 36137} <= types
