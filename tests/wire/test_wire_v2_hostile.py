"""Hostile messages of IKEv2: every length of real ones lied about, cut, mutated; only `Malformed` may come of it."""

from __future__ import annotations

import random
import sys

import pytest

import codecs_compared
import recordings_v2
from lotor.wire.errors import Malformed
from lotor.wire.header import Header
from lotor.wire.v2.association import MOST_PROPOSALS, MOST_TRANSFORMS, Proposal, SecurityAssociation, Transform
from lotor.wire.v2.chain import MOST_PAYLOADS, SINGLE, Chain, build_chain, parse_chain
from lotor.wire.v2.numbers import PayloadType
from lotor.wire.v2.payloads import (
    MOST_ATTRIBUTES,
    MOST_SELECTORS,
    MOST_SPIS,
    Configuration,
    ConfigurationAttribute,
    Delete,
    Nonce,
    TrafficSelectors,
    UnknownSelector,
    VendorId,
)
from lotor.wire.v2.proposals import chosen_esp, chosen_ike, read_esp, read_ike

LIES = (0, 1, 3, 4, 7, 8, 0x7F, 0xFF, 0x8000, 0xFFFF)


def samples() -> list[tuple[int, bytes]]:
    """First payload and octets of one message of each shape."""
    shapes = {}
    for content in recordings_v2.contents():
        types = parse_chain(content.first, content.octets).types()
        if types:
            shapes.setdefault((content.header.exchange, types), (content.first, content.octets))
    return list(shapes.values())


SAMPLES = samples()
SEALED = [recordings_v2.split(each.raw) for each in recordings_v2.messages()[2:12]]


def read_everything(chain: Chain) -> None:
    """What the core would do with a chain that parsed."""
    for association in chain.all(SecurityAssociation):
        for proposal in association.proposals:
            for offer in (read_ike(proposal), read_esp(proposal), read_esp(proposal, first=True)):
                assert len(str(offer)) < 30 * MOST_TRANSFORMS
            for choice in (chosen_ike, chosen_esp):
                survived(choice, proposal)


def survived(reading, *octets) -> bool:
    """Whether it read them; anything but a value or a `Malformed` of readable length fails the test."""
    text = "read"
    try:
        reading(*octets)
    except Malformed as fault:
        text = str(fault)
    assert 0 < len(text) < 30 * MOST_TRANSFORMS
    return text == "read"


def survive(first: int, octets: bytes) -> bool:
    return survived(lambda: read_everything(codecs_compared.parsed(first, octets)))


def test_the_samples_are_many_and_good():
    assert len(SAMPLES) > 30
    assert all(survive(first, octets) for first, octets in SAMPLES)


def test_every_two_octets_may_lie():
    refused = 0
    for first, octets in SAMPLES:
        for offset in range(min(len(octets), 60) - 1):
            for lie in LIES[offset % 5 :: 5]:
                changed = octets[:offset] + lie.to_bytes(2, "big") + octets[offset + 2 :]
                refused += not survive(first, changed)
    assert refused > 1000


def test_every_cut_is_refused():
    cuts = 0
    for first, octets in SAMPLES:
        for size in range(0, len(octets), 3):
            assert not survive(first, octets[:size])
            cuts += 1
    assert cuts > 1000


def test_every_first_payload_type_is_survived():
    outcomes = {survive(first, octets) for _, octets in SAMPLES[::6] for first in range(256)}
    assert outcomes == {True, False}


def test_mutations_are_survived():
    dice, parsed = random.Random(7296), 0
    for _ in range(2500):
        first, octets = dice.choice(SAMPLES)
        changed = bytearray(octets)
        for _ in range(dice.randint(1, 6)):
            changed[dice.randrange(len(changed))] = dice.choice((0, 1, 3, 4, 127, 128, 255, dice.randrange(256)))
        parsed += survive(first, bytes(changed))
    assert parsed > 500


def test_sealed_messages_that_are_cut_are_refused_by_their_header():
    cuts = [(header.next_payload, body[:size]) for header, body in SEALED for size in range(0, len(body), 7)]
    assert len(cuts) > 100
    assert not any(survive(first, octets) for first, octets in cuts)


@pytest.mark.parametrize(
    ("first", "octets", "what"),
    [
        (33, "", "needs 4 octets, 0 are left"),
        (40, "000000", "needs 4 octets, 3 are left"),
        (40, "00000003", "length 3"),
        (40, "00000000", "length 0"),
        (40, "00000005", "length 5, 4 octets are left"),
        (40, "000000050101", "1 octets too many"),
        (0, "00", "1 octets too many"),
        (40, "2800000501 0000000501", "a second payload of type 40 at offset 5"),
        (46, "2100000401", "1 octets too many"),  # something behind SK
        (53, "00000004", "number needs 2"),
        (53, "000000080001000101", "1 octets too many"),
        (53, "00000007000100", "total needs 2"),
        (34, "0000000600", "length 6"),
        (34, "000000060013", "reserved needs 2"),
        (35, "0000000501", "reserved needs 3"),
        (37, "00000004", "encoding needs 1"),
        (39, "0000000502", "reserved needs 3"),
        (41, "0000000601 08", "type needs 2"),
        (41, "00000008 01080001", "spi needs 8"),
        (42, "00000008 03040001", "spis needs 4"),
        (42, "00000008 03080001", "1 SPIs of 8 octets for protocol 3"),
        (42, "00000008 01080000", "0 SPIs of 8 octets for protocol 1"),
        (42, "00000008 01000001", "1 SPIs of 0 octets for protocol 1"),
        (42, "00000008 0304ffff", "65535 SPIs, more than 64"),
        (42, "00000009 0304000000", "1 octets too many"),
        (44, "00000007 010000", "traffic selectors needs 4"),
        (44, "00000008 01000000", "1 traffic selectors announced, 0 found"),
        (44, "00000008 ff000000", "255 traffic selectors, more than 64"),
        (44, "0000000c 01000000 07000003", "length 3"),
        (44, "0000000c 01000000 07000004", "of type 7 has 4 octets, not 16"),
        (45, "0000000c 01000000 08000004", "of type 8 has 4 octets, not 40"),
        (45, "0000000c 01000000 07000010", "needs 12 octets"),
        (45, "00000018 00000000 07000010 0000ffff 00000000 ffffffff", "0 traffic selectors announced, 1 found"),
        (47, "00000006 0100", "reserved needs 3"),
        (47, "00000009 01000000 00", "type of an attribute needs 2"),
        (47, "0000000b 01000000 000100", "length of an attribute needs 2"),
        (47, "0000000c 01000000 00010004", "attribute of a configuration needs 4"),
        (33, "00000004", "a substructure needs 4"),
        (33, "00000008 00000003", "length 3"),
        (33, "00000008 00000008", "needs 4"),
        (33, "0000000c 00000008 01010900", "an SPI of 9 octets; 8 are the most"),
        (33, "0000000c 00000008 01010800", "SPI needs 8"),
        (33, "0000000c 00000008 01010001", "a substructure needs 4"),
        (33, "0000000c 01000008 01010000", "followed by 1, not by 2 or 0"),
        (33, "0000000c 03000008 01010000", "followed by 3, not by 2 or 0"),
        (33, "0000000c 02000008 01010000", "a substructure needs 4"),
        (33, "0000000d 00000008 01010000 00", "1 octets too many"),
        (33, "00000014 00000010 01010000 00000008 01000003", "0 transforms announced, 0 found"),
        (33, "00000014 00000010 01010002 00000008 01000003", "2 transforms announced, 1 found"),
        (33, "00000014 00000010 01010001 03000008 01000003", "a substructure needs 4"),
        (33, "00000014 00000010 01010001 02000008 01000003", "followed by 2, not by 3 or 0"),
        (33, "00000012 0000000e 01010001 00000006 0100", "a transform needs 4"),
        (33, "00000015 00000011 01010001 00000009 01000003 80", "type of an attribute needs 2"),
        (33, "00000016 00000012 01010001 0000000a 01000003 800e", "attribute needs 2"),
        (33, "00000018 00000014 01010001 0000000c 01000003 000e0001", "attribute needs 1"),
    ],
)
def test_what_breaks_its_format_is_malformed(first, octets, what):
    with pytest.raises(Malformed, match=what):
        codecs_compared.parsed(first, bytes.fromhex(octets))


@pytest.mark.parametrize("number", sorted(SINGLE - {0, 46, 53}))
def test_a_second_payload_of_a_kind_of_which_there_is_one_is_refused(number):
    """A parser that takes the first, and one that takes the last, must not both exist (RFC 7296 §2.5)."""
    bodies = {
        received.type: received.body for first, octets in SAMPLES for received in parse_chain(first, octets).payloads
    }
    body = bodies[number]
    length = (4 + len(body)).to_bytes(2, "big")
    one = bytes([number, 0]) + length + body
    last = bytes([0, 0]) + length + body
    assert survive(number, last)
    with pytest.raises(Malformed, match="a second payload"):
        parse_chain(number, one + last)


@pytest.mark.parametrize("critical", [0, 0x80, 0xFF])
def test_an_unknown_payload_is_skipped_or_named(critical):
    chain = parse_chain(200, bytes([40, critical, 0, 5, 1, 0, 0, 0, 5, 2]))
    assert chain.only(Nonce) == Nonce(b"\2")
    assert chain.unknown_critical() == (200 if critical & 0x80 else None)


def test_the_critical_bit_of_a_known_payload_is_ignored():
    """RFC 7296 §3.2."""
    assert parse_chain(40, bytes([0, 0x80, 0, 5, 1])).unknown_critical() is None


@pytest.mark.parametrize(("count", "whole"), [(MOST_PAYLOADS, True), (MOST_PAYLOADS + 1, False), (15000, False)])
def test_payloads_have_a_bound(count, whole):
    assert survive(200, bytes([200, 0, 0, 4]) * (count - 1) + bytes([0, 0, 0, 4])) is whole


ONE = Proposal(1, 1, b"", (Transform(1, 12),))


@pytest.mark.parametrize(
    ("value", "whole"),
    [
        (SecurityAssociation((ONE,) * MOST_PROPOSALS), True),
        (SecurityAssociation((ONE,) * (MOST_PROPOSALS + 1)), False),
        (SecurityAssociation((Proposal(1, 1, b"", (Transform(1, 12),) * 255),) * 2), True),
        (SecurityAssociation((Proposal(1, 1, b"", (Transform(1, 12),) * 255),) * 3), False),
        (SecurityAssociation((ONE,) * 600), False),
        (TrafficSelectors((UnknownSelector(9, b"\0"),) * MOST_SELECTORS, initiator=True), True),
        (TrafficSelectors((UnknownSelector(9, b"\0"),) * (MOST_SELECTORS + 1), initiator=True), False),
        (Configuration(1, (ConfigurationAttribute(1),) * MOST_ATTRIBUTES), True),
        (Configuration(1, (ConfigurationAttribute(1),) * (MOST_ATTRIBUTES + 1)), False),
        (Delete(3, (b"spi!",) * MOST_SPIS), True),
        (Delete(3, (b"spi!",) * (MOST_SPIS + 1)), False),
    ],
)
def test_every_list_has_a_bound(value, whole):
    assert survive(*build_chain([value])) is whole


def calls(first: int, octets: bytes) -> int:
    """Function calls that parsing costs: a measure of work that no machine's load can change."""
    count = 0

    def profile(frame, event, arg):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(profile)
    try:
        survive(first, octets)
    finally:
        sys.setprofile(None)
    return count


def heavy(kind: str, size: int) -> tuple[int, bytes]:
    match kind:
        case "payloads":
            return build_chain([VendorId(b"x")] * size)
        case "transforms":
            transforms = tuple(Transform.of(1, 12, 128 + 64 * (number % 3)) for number in range(4 * size))
            return build_chain([SecurityAssociation((Proposal(1, 1, b"", transforms),))])
        case "additional":
            transforms = tuple(Transform(6 + number % 7, 36) for number in range(4 * size))
            return build_chain([SecurityAssociation((Proposal(1, 1, b"", transforms),))])
        case "proposals":
            return build_chain([SecurityAssociation((ONE,) * size)])
        case "attributes":
            return build_chain([Configuration(1, (ConfigurationAttribute(1),) * size)])
        case "selectors":
            return build_chain([TrafficSelectors((UnknownSelector(9, b"\0"),) * size, initiator=True)])
    return build_chain([Delete(3, (b"spi!",) * size)])


KINDS = ["payloads", "transforms", "additional", "proposals", "attributes", "selectors", "deletes"]


@pytest.mark.parametrize("kind", KINDS)
def test_work_grows_with_the_size_and_no_faster(kind):
    small, large = (calls(*heavy(kind, size)) for size in (15, 60))
    assert large <= 4 * small


def test_a_datagram_of_any_size_is_a_message_or_malformed():
    dice = random.Random(4306)
    good = recordings_v2.messages()[0].raw
    for size in range(200):
        with pytest.raises(Malformed):
            Header.decode(good[:size])
        datagram = dice.randbytes(size)
        if survived(Header.decode, datagram):
            survive(datagram[16], datagram[Header.SIZE :])
    assert PayloadType.SA == 33
