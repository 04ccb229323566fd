"""EAP: recorded packets octet for octet, what is malformed, and that nothing else can happen."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

import recordings_v2
from lotor.model.eap import LONGEST_EAP
from lotor.wire.eap import gtc, mschapv2, tls, ttls
from lotor.wire.eap.packet import (
    LONGEST_IDENTITY,
    MOST_WISHES,
    Code,
    Packet,
    Type,
    failure,
    identity_of,
    request,
    success,
    wishes_of,
)
from lotor.wire.errors import Malformed

octet = st.integers(0, 255)
RECORDED = recordings_v2.eap()


# packets


def test_recorded_packets_read_and_write_back():
    assert len(RECORDED) > 50
    assert [Packet.decode(octets).encode() for _, octets in RECORDED] == [octets for _, octets in RECORDED]


typed = st.builds(Packet, st.sampled_from([Code.REQUEST, Code.RESPONSE]), octet, octet, st.binary(max_size=300))
bare = st.builds(Packet, st.sampled_from([Code.SUCCESS, Code.FAILURE]), octet)


@given(typed | bare)
def test_every_packet_reads_back(packet):
    assert Packet.decode(packet.encode()) == packet


@pytest.mark.parametrize(
    ("octets", "what"),
    [
        ("", "needs 4"),
        ("010000", "needs 4"),
        ("01000004", "code 1 has 4"),  # a request without a type
        ("02000004", "code 2 has 4"),
        ("0300000500", "code 3 has 5"),
        ("0400000500", "code 4 has 5"),
        ("0000000500", "code 0"),
        ("0500000500", "code 5"),  # initiate of RFC 6696
        ("ff00000500", "code 255"),
        ("0100000601", "says 6 octets and has 5"),
        ("010000050100", "says 5 octets and has 6"),
        ("0100000001", "says 0"),
        ("0100ffff01", "says 65535"),
    ],
)
def test_what_is_no_packet_is_malformed(octets, what):
    with pytest.raises(Malformed, match=what):
        Packet.decode(bytes.fromhex(octets))


def test_a_packet_has_its_bound_both_ways():
    longest = request(1, Type.GTC, bytes(LONGEST_EAP - 5))
    assert Packet.decode(longest.encode()) == longest
    with pytest.raises(ValueError, match="longer than 4096"):
        request(1, Type.GTC, bytes(LONGEST_EAP - 4)).encode()
    with pytest.raises(Malformed, match="4096 are the most"):
        Packet.decode(b"\1\1\x10\1" + bytes(LONGEST_EAP - 3))


def test_a_packet_does_not_print_what_it_says():
    assert "secret" not in repr(request(1, Type.GTC, b"secret"))


ASKED = request(7, Type.MSCHAPV2, b"?")


@pytest.mark.parametrize(
    ("packet", "answers"),
    [
        (ASKED.response(b"!"), True),
        (ASKED.refusal([Type.GTC]), True),
        (Packet(Code.RESPONSE, 8, Type.MSCHAPV2), False),
        (Packet(Code.RESPONSE, 7, Type.GTC), False),
        (Packet(Code.RESPONSE, 7, Type.IDENTITY), False),
        (request(7, Type.MSCHAPV2), False),
        (success(7), False),
    ],
)
def test_an_answer_has_the_number_and_type_of_the_request(packet, answers):
    assert packet.answers(ASKED) is answers


@pytest.mark.parametrize("kind", [Type.IDENTITY, Type.NOTIFICATION])
def test_who_one_is_cannot_be_refused(kind):
    asked = request(7, kind)
    assert not asked.refusal([Type.GTC]).answers(asked)
    assert asked.response(b"alice").answers(asked)


@pytest.mark.parametrize("name", ["alice", "DOMAIN\\alice", "alice@example.org", "ålice", "a", "n" * LONGEST_IDENTITY])
def test_an_identity_is_a_name(name):
    assert identity_of(request(1, Type.IDENTITY).response(name.encode())) == name


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"n" * (LONGEST_IDENTITY + 1),
        b"\xff",
        b"alice\0",
        b"al\nice",
        b"\x1b[2J",
        "alice\N{RIGHT-TO-LEFT OVERRIDE}".encode(),
    ],
)
def test_what_is_no_name_is_malformed(octets):
    with pytest.raises(Malformed):
        identity_of(request(1, Type.IDENTITY).response(octets))


@pytest.mark.parametrize("packet", [request(1, Type.IDENTITY, b"alice"), ASKED.response(b"alice"), success(1)])
def test_another_packet_is_no_identity_and_no_refusal(packet):
    for reading in (identity_of, wishes_of):
        with pytest.raises(Malformed, match="in the place of"):
            reading(packet)


@pytest.mark.parametrize(
    ("wishes", "read"),
    [([26, 13], (26, 13)), ([26, 26, 6], (26, 6)), ([], ()), ([0], ()), ([1, 3, 21], (21,)), ([254], (254,))],
)
def test_a_refusal_says_what_is_wanted(wishes, read):
    assert wishes_of(Packet.decode(ASKED.refusal(wishes).encode())) == read


@pytest.mark.parametrize("count", [0, MOST_WISHES + 1, 4000])
def test_a_refusal_of_nothing_or_of_everything_is_malformed(count):
    with pytest.raises(Malformed, match=f"names {count} methods"):
        wishes_of(Packet(Code.RESPONSE, 1, Type.NAK, bytes([26]) * count))


def test_the_end_has_no_type():
    assert (success(9).encode(), failure(9).encode()) == (b"\3\x09\0\4", b"\4\x09\0\4")


# anything at all


def read_everything(octets: bytes) -> None:
    """What the core would do with a packet of EAP."""
    packet = Packet.decode(octets)
    readings = {
        Type.IDENTITY: [lambda data: identity_of(packet)],
        Type.NAK: [lambda data: wishes_of(packet)],
        Type.GTC: [gtc.decode_prompt, gtc.decode_answer],
        Type.MSCHAPV2: [mschapv2.decode_request, mschapv2.decode_answer],
        Type.TLS: [tls.Piece.decode, ttls.decode_avps],
        Type.TTLS: [tls.Piece.decode, lambda data: ttls.login_of(ttls.decode_avps(data))],
        Type.PEAP: [tls.Piece.decode],
    }
    for reading in readings.get(packet.type, []):
        survived(reading, packet.data)


def survived(reading: Callable[[bytes], object], octets: bytes) -> bool:
    """Whether it read them; anything but a value or a `Malformed` of readable length fails the test."""
    text = "read"
    try:
        reading(octets)
    except Malformed as fault:
        text = str(fault)
    assert 0 < len(text) < 300
    return text == "read"


def survive(octets: bytes) -> bool:
    return survived(read_everything, octets)


def test_every_cut_of_a_recorded_packet_is_refused():
    cuts = {octets[:size] for _, octets in RECORDED for size in range(min(len(octets), 80))}
    assert len(cuts) > 500
    assert not any(survive(cut) for cut in cuts)


def test_mutations_are_survived():
    dice = random.Random(3748)
    samples = [octets for _, octets in RECORDED]
    parsed = 0
    for _ in range(4000):
        changed = bytearray(dice.choice(samples))
        for _ in range(dice.randint(1, 4)):
            changed[dice.randrange(4, len(changed)) if len(changed) > 4 else 0] = dice.choice((0, 1, 64, 127, 128, 255))
        parsed += survive(bytes(changed))
    assert parsed > 2000


@given(st.sampled_from([1, 2, 3, 6, 13, 21, 25, 26]), st.binary(max_size=120))
def test_any_data_is_a_value_or_malformed(kind, data):
    survive(request(1, kind, data).encode())
    survive(request(1, kind).response(data).encode())
