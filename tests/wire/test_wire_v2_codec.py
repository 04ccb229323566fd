"""The native codec of IKEv2 and Python's: the same values, octets and refusals, for whatever comes."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

import codecs_compared
import recordings_v2
from lotor import _native
from lotor.wire.errors import Malformed
from lotor.wire.fields import Layout, Number, Rest
from lotor.wire.table import Kind, Table
from lotor.wire.v2 import payloads
from lotor.wire.v2.chain import CODEC, Received

CONTENTS = recordings_v2.contents()
SEEDS = 12000


@pytest.mark.parametrize("name", recordings_v2.NAMES)
def test_recorded_messages_are_read_and_written_alike(name):
    said = [each for each in CONTENTS if each.recording == name]
    assert said
    for content in said:
        chain = codecs_compared.parsed(content.first, content.octets)
        values = [each.value for each in chain.payloads]
        assert codecs_compared.built(values) == codecs_compared.built(chain.payloads)


def mutated(dice: random.Random) -> tuple[int, bytes]:
    """A message with some octets changed, cut off or added."""
    content = dice.choice(CONTENTS)
    octets = bytearray(content.octets)
    for _ in range(dice.randint(0, 3)):
        if octets:
            octets[dice.randrange(len(octets))] = dice.choice((0, 1, 3, 4, 33, 41, 46, 53, 127, 128, 255))
    end = dice.choice((len(octets), len(octets), len(octets), dice.randint(0, len(octets))))
    return dice.choice((content.first, content.first, dice.randrange(256))), bytes(octets[:end]) + bytes(
        dice.choice((0, 0, 1))
    )


def test_mutations_are_read_or_refused_alike():
    dice, outcomes = random.Random(13), {True: 0, False: 0}
    for _ in range(SEEDS // 4):
        try:
            codecs_compared.parsed(*mutated(dice))
            outcomes[True] += 1
        except Malformed:
            outcomes[False] += 1
    assert min(outcomes.values()) > 300


@given(st.integers(0, 255), st.binary(max_size=120))
def test_any_octets_are_read_or_refused_alike(first, octets):
    try:
        codecs_compared.parsed(first, octets)
    except Malformed:
        return


@pytest.mark.parametrize(
    "payload",
    [
        payloads.Nonce(bytes(0xFFFC)),
        payloads.KeyExchange(1 << 16, b""),
        payloads.Notification(1, spi=bytes(256)),
        payloads.Authentication(-1, b""),
        payloads.Delete(1, (b"1234",)),
        payloads.Unknown(256, b""),
        payloads.Encrypted(b""),
        payloads.Nonce(bytearray(b"x")),
        "no payload at all",
    ],
)
def test_what_the_table_does_not_say_is_left_to_python(payload):
    assert CODEC.build([payload]) is None


def test_a_delete_is_read_and_written_by_python_for_both():
    """Its SPIs are no row of fields."""
    first, octets = codecs_compared.built([payloads.Delete(3, (b"spi!", b"SPI!"))])
    assert codecs_compared.parsed(first, octets).only(payloads.Delete).spis == (b"spi!", b"SPI!")


@dataclass(frozen=True, slots=True)
class Odd:
    payload_type = 7
    layout = Layout(Number("number", 2), Rest("data"))
    number: int
    data: bytes


class Own:
    def __new__(cls):
        raise AssertionError


def table(kind=Odd, rows=(("number", "number", 2, 0, None, None), ("rest", "data", 0, 0, None, None)), parts=("type",)):
    told = Kind(kind, [(7, {})], list(rows))
    ways = (payloads.decode_payload, payloads.encode_payload)
    return Table([told], payloads.UNKNOWN, Received, list(parts), 4, [], [], [], *ways)


def test_the_codec_knows_no_payload_but_by_its_table():
    codec = _native.Codec(table())
    assert codec.build([Odd(0x1234, b"abc")]) == (7, bytes.fromhex("00000009 1234 616263"))
    assert codec.build([payloads.Nonce(b"x")]) is None
    (received,) = codec.parse(7, bytes.fromhex("00000009 1234 616263"), True)
    assert received.type == 7
    assert not hasattr(received, "value"), "the table names no other part"


@pytest.mark.parametrize(
    "bad",
    [
        {"rows": [("number", "number", 3, 0, None, None)]},
        {"rows": [("sized", "data", 0, 0, None, None)]},
        {"rows": [("size", "nothing", 1, 0, None, None)]},
        {"rows": [("riddle", "data", 0, 0, None, None)]},
        {"parts": ["soul"]},
    ],
)
def test_a_table_that_makes_no_sense_is_refused(bad):
    with pytest.raises(ValueError, match=r"no layout|nothing is known"):
        _native.Codec(table(**bad))


def test_a_class_that_makes_its_values_itself_is_refused():
    with pytest.raises(TypeError, match="a __new__ of its own"):
        _native.Codec(table(kind=Own))


def test_a_fault_of_python_is_no_malformed_message():
    def decode(octets):
        raise RuntimeError(len(octets))

    codec = _native.Codec(table(rows=[("number", "number", 2, 0, None, None), ("rest", "data", 0, 0, decode, bytes)]))
    with pytest.raises(RuntimeError):
        codec.parse(7, bytes.fromhex("00000009 1234 616263"), True)
