"""Hostile datagrams: every length field of real messages lied about, cut, mutated; only `Malformed` may come of it."""

from __future__ import annotations

import random
import sys

import pytest

import codecs_compared
import recordings
from lotor.wire.errors import Malformed
from lotor.wire.header import Header
from lotor.wire.v1.association import Proposal, SecurityAssociation, Transform
from lotor.wire.v1.attributes import Attribute
from lotor.wire.v1.chain import Chain, build_chain, parse_chain
from lotor.wire.v1.configuration import decode_configuration
from lotor.wire.v1.payloads import Attributes, Delete, VendorId
from lotor.wire.v1.proposals import read_esp, read_ike
from lotor.wire.v1.vendors import recognise

LIES = (0, 1, 2, 3, 4, 5, 7, 8, 11, 0x7F, 0xFF, 0x7FFF, 0x8000, 0xFFFF)


def samples() -> list[tuple[int, bytes]]:
    """First payload and octets of one message of each shape."""
    shapes = {}
    for message in recordings.messages():
        header, body = recordings.split(message.raw)
        key = (message.recording.split("-")[-1], message.payloads)
        shapes.setdefault(key, (header.next_payload, message.plain or body))
    return list(shapes.values())


SAMPLES = samples()


def read_everything(chain: Chain) -> None:
    """What the core would do with a chain that parsed."""
    for association in chain.all(SecurityAssociation):
        for proposal in association.proposals:
            for transform in proposal.transforms:
                for offer in (read_ike(transform), read_esp(transform)):
                    offer.suite()
                    assert len(str(offer)) < 200
    for attributes in chain.all(Attributes):
        try:
            decode_configuration(attributes.attributes)
        except Malformed:
            continue
    for vendor in chain.all(VendorId):
        recognise(vendor.data)


def survive(first: int, octets: bytes) -> bool:
    """Whether it parsed; anything but a chain or a `Malformed` of readable length fails the test."""
    text = "parsed"
    try:
        read_everything(codecs_compared.parsed_v1(first, octets))
    except Malformed as fault:
        text = str(fault)
    assert 0 < len(text) < 300
    return text == "parsed"


def test_the_samples_are_many_and_good():
    assert len(SAMPLES) > 40
    assert all(survive(first, octets) for first, octets in SAMPLES)


def test_every_two_octets_may_lie():
    refused = 0
    for first, octets in SAMPLES:
        for offset in range(min(len(octets), 100) - 1):
            for lie in LIES:
                changed = octets[:offset] + lie.to_bytes(2, "big") + octets[offset + 2 :]
                refused += not survive(first, changed)
    assert refused > 1000


def test_every_cut_is_refused_or_whole():
    cuts = 0
    for first, octets in SAMPLES:
        whole = len(parse_chain(first, octets).octets)
        for size in range(len(octets)):
            assert survive(first, octets[:size]) == (size >= whole)
            cuts += 1
    assert cuts > 1000


def test_every_first_payload_type_is_survived():
    for _, octets in SAMPLES:
        for first in range(256):
            survive(first, octets)


def test_mutations_are_survived():
    dice = random.Random(2409)
    for _ in range(20000):
        first, octets = dice.choice(SAMPLES)
        changed = bytearray(octets)
        for _ in range(dice.randint(1, 6)):
            changed[dice.randrange(len(changed))] = dice.choice((0, 1, 3, 4, 127, 128, 255, dice.randrange(256)))
        survive(first, bytes(changed))


@pytest.mark.parametrize("count", [29, 30, 31, 63])
def test_many_unknown_payloads_are_survived(count):
    octets = bytes([200, 0, 0, 4]) * count
    assert survive(200, octets + bytes([0, 0, 0, 4]))


@pytest.mark.parametrize("count", [64, 65, 200, 255, 1000, 15000])
def test_more_payloads_than_64_are_refused(count):
    assert not survive(200, bytes([200, 0, 0, 4]) * count + bytes([0, 0, 0, 4]))


@pytest.mark.parametrize("length", [*range(12), 0x7FFF, 0xFFFF])
def test_short_and_long_fragments_are_refused(length):
    body = bytes([0, 0]) + length.to_bytes(2, "big") + bytes.fromhex("0001 01 01")
    assert not survive(132, body)


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
            transforms = tuple(Transform(0, 1, (Attribute.tv(1, 7),) * 8) for _ in range(size))
            return build_chain([SecurityAssociation((Proposal(0, 1, b"", transforms),))])
        case "proposals":
            one = Proposal(0, 3, b"spi!", (Transform(0, 12, ()),))
            return build_chain([SecurityAssociation((one,) * size)])
        case "attributes":
            return build_chain([Attributes(1, 0, (Attribute.tlv(1, b""),) * size)])
    return build_chain([Delete(3, (b"spi!",) * size)])


@pytest.mark.parametrize("kind", ["payloads", "transforms", "proposals", "attributes", "deletes"])
def test_work_grows_with_the_size_and_no_faster(kind):
    small, large = (calls(*heavy(kind, size)) for size in (15, 60))
    assert large <= 4 * small


def test_a_datagram_of_any_size_is_a_message_or_malformed():
    dice = random.Random(2408)
    good = recordings.messages()[0].raw
    for size in range(200):
        with pytest.raises(Malformed):
            Header.decode(good[:size])
        datagram = dice.randbytes(size)
        try:
            header, body = recordings.split(datagram)
        except Malformed:
            continue
        survive(header.next_payload, body)
