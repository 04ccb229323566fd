"""Chains: order, bodies as received, what hashes cover, and the refusals that name payload and offset."""

from __future__ import annotations

import pytest

import recordings
from lotor.model.identity import Identity, IdKind
from lotor.wire.errors import Malformed
from lotor.wire.header import Header
from lotor.wire.v1.association import Proposal, SecurityAssociation, Transform
from lotor.wire.v1.attributes import Attribute
from lotor.wire.v1.chain import build_chain, build_message, parse_chain
from lotor.wire.v1.payloads import (
    Attributes,
    Certificate,
    Delete,
    Fragment,
    HashPayload,
    Identification,
    KeyExchange,
    NatDiscovery,
    NatOriginalAddress,
    Nonce,
    Notification,
    Unknown,
    VendorId,
)

SA = SecurityAssociation((Proposal(1, 3, b"\0\0\1\1", (Transform(1, 12, (Attribute.tv(6, 256),)),)),))


def payload(following: int, body: bytes, length: int | None = None, reserved: int = 0) -> bytes:
    return bytes([following, reserved]) + (4 + len(body) if length is None else length).to_bytes(2, "big") + body


def test_a_chain_is_written_as_rfc_2408_draws_it():
    assert build_chain([Nonce(b"nonce"), Notification(24578, spi=b"cookies!")]) == (
        10,
        bytes.fromhex("0b000009") + b"nonce" + bytes.fromhex("00000014 00000001 01 08 6002") + b"cookies!",
    )


@pytest.mark.parametrize(
    ("value", "number", "body"),
    [
        (Delete(3, (b"abcd", b"efgh")), 12, "00000001 03 04 0002 61626364 65666768"),
        (Delete(1, (), doi=0), 12, "00000000 01 00 0000"),
        (Attributes(1, 0x1234, (Attribute.tlv(1, b""),)), 14, "01 00 1234 00010000"),
        (Certificate(4, b"der"), 6, "04 646572"),
        (Identification(11, 17, 500, b"group"), 5, "0b 11 01f4 67726f7570"),
        (Fragment(1, 2, True, b"data"), 132, "0001 02 01 64617461"),
        (NatDiscovery(b"hash"), 20, "68617368"),
        (NatDiscovery(b"hash", draft=True), 130, "68617368"),
        (NatOriginalAddress(1, b"\x0a\0\0\1"), 21, "01000000 0a000001"),
        (NatOriginalAddress(1, b"\x0a\0\0\1", draft=True), 131, "01000000 0a000001"),
        (Unknown(200, b"?"), 200, "3f"),
        (SA, 1, "00000001 00000001 00000018 01 03 04 01 00000101 0000000c 01 0c 0000 80060100"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_bodies_are_written_as_their_rfcs_draw_them(value, number, body):
    octets = bytes.fromhex(body)
    assert build_chain([value]) == (number, payload(0, octets))
    assert parse_chain(number, payload(0, octets), exact=True).first(type(value)) == value


def test_lookups_go_by_class_and_order():
    first, octets = build_chain([HashPayload(b"h"), VendorId(b"one"), Nonce(b"n"), VendorId(b"two")])
    chain = parse_chain(first, octets + bytes(7))
    assert chain.types() == (8, 13, 10, 13)
    assert chain.first(VendorId) == VendorId(b"one")
    assert chain.all(VendorId) == (VendorId(b"one"), VendorId(b"two"))
    assert chain.bodies(VendorId) == (b"one", b"two")
    assert chain.body(Nonce) == b"n"
    assert chain.first(KeyExchange) is None
    assert chain.body(KeyExchange) is None
    assert chain.all(KeyExchange) == ()


def test_what_follows_the_hash_excludes_padding():
    _, rest = build_chain([SA, Nonce(b"n")])
    first, octets = build_chain([HashPayload(b"hash"), SA, Nonce(b"n")])
    chain = parse_chain(first, octets + bytes(13))
    assert chain.after(HashPayload) == rest
    assert chain.octets == octets
    assert chain.after(Nonce) == b""
    assert chain.after(KeyExchange) == b""


def test_octets_behind_the_last_payload_are_padding_unless_exact():
    first, octets = build_chain([Nonce(b"n")])
    assert parse_chain(first, octets + b"xyz").octets == octets
    with pytest.raises(Malformed, match="3 octets too many behind the last payload"):
        parse_chain(first, octets + b"xyz", exact=True)


def test_reserved_octets_may_be_anything_and_a_received_body_keeps_them():
    sloppy = payload(0, bytes.fromhex("01 77 0001 00010000"), reserved=0x55)
    chain = parse_chain(14, sloppy, exact=True)
    assert chain.first(Attributes) == Attributes(1, 1, (Attribute.tlv(1, b""),))
    assert build_chain(chain.payloads)[1][4:] == sloppy[4:]
    assert build_chain([chain.payloads[0].value])[1][4:] != sloppy[4:]


def test_alignment_behind_attributes_is_read_and_never_written():
    body = bytes.fromhex("02 00 0000 00010004 0a636301 70000001 21 000000")
    chain = parse_chain(14, payload(0, body), exact=True)
    assert chain.first(Attributes).attributes == (Attribute.tlv(1, b"\x0a\x63\x63\x01"), Attribute.tlv(0x7000, b"!"))
    assert build_chain(chain.all(Attributes))[1] == payload(0, body[:-3])


def test_nothing_is_an_empty_chain():
    assert parse_chain(0, b"").types() == ()
    assert build_chain([]) == (0, b"")


@pytest.mark.parametrize("number", [17, 18, 19, 22, 32, *range(33, 54), 54, 127])
def test_p6_numbers_of_ikev2_and_of_nobody_are_malformed(number):
    with pytest.raises(Malformed, match=f"payload type {number} at offset 0"):
        parse_chain(number, payload(0, b"whatever"))
    with pytest.raises(Malformed, match=f"payload type {number} at offset 8"):
        parse_chain(10, payload(number, b"nice") + payload(0, b"whatever"))


@pytest.mark.parametrize("length", [17, 64, 255])
def test_s2_an_spi_has_16_octets_at_most(length):
    transforms = (Transform(1, 1, ()),)
    most = SecurityAssociation((Proposal(1, 1, bytes(16), transforms),))
    assert parse_chain(*build_chain([most])).first(SecurityAssociation) == most
    with pytest.raises(Malformed, match=f"an SPI of {length} octets"):
        parse_chain(*build_chain([SecurityAssociation((Proposal(1, 1, bytes(length), transforms),))]))


@pytest.mark.parametrize("number", [2, 3, 15, 16, 128, 129, 133, 255])
def test_numbers_of_drafts_and_of_vendors_are_unknown(number):
    chain = parse_chain(number, payload(0, b"whatever"), exact=True)
    assert chain.first(Unknown) == Unknown(number, b"whatever")


def test_messages_join_header_and_chain():
    header = Header(b"initiate", b"respond!", 0, 5, 0, 7)
    datagram = build_message(header, *build_chain([Nonce(b"n")]))
    parsed, body = recordings.split(datagram)
    assert (parsed.next_payload, parsed.length, parsed.message_id) == (10, 33, 7)
    assert parse_chain(parsed.next_payload, body, exact=True).first(Nonce) == Nonce(b"n")


def test_an_identification_is_an_identity():
    identity = Identity(IdKind.KEY_ID, b"group", 17, 500)
    assert Identification.of(identity).identity == identity


# -- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 1, 2, 3])
def test_a_length_below_the_generic_header_ends_it(length):
    octets = payload(10, b"first") + payload(0, b"", length)
    with pytest.raises(Malformed, match=f"NONCE payload at offset 9 says length {length}"):
        parse_chain(4, octets)


@pytest.mark.parametrize("length", [9, 0x7FFF, 0xFFFF])
def test_a_length_beyond_the_end_is_named(length):
    with pytest.raises(Malformed, match=f"KEY_EXCHANGE payload at offset 0 needs {length - 4} octets, 4 are left"):
        parse_chain(4, payload(0, b"four", length))


@pytest.mark.parametrize("size", [0, 1, 2, 3])
def test_a_cut_generic_header_is_named(size):
    with pytest.raises(Malformed, match=f"NONCE payload at offset 8 needs 4 octets, {size} are left"):
        parse_chain(4, payload(10, b"four") + bytes(size))


def test_the_number_of_payloads_is_bounded():
    vendors = payload(13, b"v") * 64
    assert len(parse_chain(13, vendors[:-5] + payload(0, b"v")).payloads) == 64
    for count in (65, 200, 13000):
        with pytest.raises(Malformed, match="more than 64 payloads"):
            parse_chain(13, payload(13, b"v") * count)


@pytest.mark.parametrize(
    ("number", "body", "text"),
    [
        (1, "00000000 00000001", "SA payload at offset 0: doi 0 is not known here"),
        (1, "00000001 00000003", "SA payload at offset 0: situation 3 is not known here"),
        (1, "00000001", "situation needs 4 octets, 0 are left"),
        (5, "0b1101", "port needs 2 octets, 1 are left"),
        (6, "", "encoding needs 1 octets"),
        (11, "00000001 01 10 6002 0000", "spi needs 16 octets, 2 are left"),
        (12, "00000001 03 04 0002 61626364", "spis needs 8 octets, 4 are left"),
        (12, "00000001 03 04 0001 61626364 00", "1 octets too many"),
        (12, "00000001 03 00 ffff", "65535 SPIs of 0 octets"),
        (14, "01000000 0001000500", "attribute 1 at offset 0 needs 5 octets"),
        (132, "", "id needs 2 octets"),
        (132, "0001 01 01", "data needs 1 octets, 0 are left"),
    ],
)
def test_a_body_that_breaks_its_layout_is_named(number, body, text):
    with pytest.raises(Malformed, match=text):
        parse_chain(number, payload(0, bytes.fromhex(body)))


@pytest.mark.parametrize(
    ("proposals", "text"),
    [
        ("00000008 01 03 00 01", "transform at offset 4 needs 4 octets, 0 are left"),
        ("00000009 01 03 04 00 00", "SPI needs 4 octets, 1 are left"),
        ("00000003 01 03 00 00", "says length 3"),
        ("00000000", "says length 0"),
        ("03000010 01 03 00 01 00000008 01 0c 0000", "proposal is followed by payload type 3"),
        ("03000008 01 03 00 00", "transform at offset 4 needs 4 octets"),
        ("00000010 01 03 00 01 00000003 01 0c 0000", "transform at offset 4 says length 3"),
        ("00000010 01 03 00 02 00000008 01 0c 0000", "2 transforms announced, 1 found"),
        ("00000010 01 03 00 01 02000008 01 0c 0000", "transform is followed by payload type 2"),
        ("00000014 01 03 00 01 00000008 01 0c 0000 00000000", "4 octets too many behind the last transform"),
        ("00000010 01 03 00 01 00000008 01 0c 0000 00", "1 octets too many behind the last proposal"),
        ("00000010 01 03 00 01 00000009 01 0c 0000", "needs 5 octets, 4 are left"),
    ],
)
def test_proposals_are_bounded_by_what_holds_them(proposals, text):
    with pytest.raises(Malformed, match=text):
        parse_chain(1, payload(0, bytes.fromhex("00000001 00000001" + proposals)))


def test_the_number_of_transforms_is_bounded():
    transforms = tuple(Transform(number, 1, ()) for number in range(97))
    two = SecurityAssociation((Proposal(1, 1, b"", transforms), Proposal(1, 1, b"", transforms)))
    with pytest.raises(Malformed, match="more than 192 transforms"):
        parse_chain(*build_chain([two]))


def test_what_does_not_fit_is_not_written():
    with pytest.raises(ValueError, match="VENDOR_ID of 65536 octets is longer than 65535"):
        build_chain([VendorId(bytes(65532))])
    assert len(build_chain([VendorId(bytes(65531))])[1]) == 65535
    with pytest.raises(ValueError, match="one length"):
        build_chain([Delete(3, (b"abcd", b"ab"))])
    with pytest.raises(ValueError, match="type 65536 does not fit in 2 octets"):
        build_chain([Notification(65536)])


def test_a_refusal_never_quotes_the_peer():
    with pytest.raises(Malformed) as caught:
        parse_chain(14, payload(0, bytes.fromhex("01000000 40895000") + b"alicepass"))
    assert "alice" not in str(caught.value)
    assert caught.value.__suppress_context__
