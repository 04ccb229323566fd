"""Data attributes: both forms, their bounds, and what is ignored behind them."""

from __future__ import annotations

import pytest

from lotor.wire.errors import Malformed
from lotor.wire.v1.attributes import BIGGEST_NUMBER, Attribute, decode_attributes, encode_attributes
from lotor.wire.v1.numbers import XauthAttribute


def test_both_forms_are_written_as_rfc_2408_draws_them():
    attributes = (Attribute.integer(11, 1), Attribute.integer(12, 2147483), Attribute.tlv(16521, b"alice"))
    assert encode_attributes(attributes) == bytes.fromhex("800b0001 000c0004 0020c49b 40890005") + b"alice"
    assert decode_attributes(encode_attributes(attributes)) == attributes


@pytest.mark.parametrize(("number", "basic"), [(0, True), (65535, True), (65536, False), (0xFFFFFFFF, False)])
def test_an_integer_is_short_below_65536(number, basic):
    attribute = Attribute.integer(12, number)
    assert (attribute.basic, attribute.number) == (basic, number)


@pytest.mark.parametrize(
    ("data", "number"),
    [(b"", 0), (b"\x05", 5), (b"\0\0\x70\x80", 28800), (bytes(300) + b"\1", 1), (b"\xff" * 9000, BIGGEST_NUMBER)],
)
def test_a_long_value_is_a_number_of_any_size(data, number):
    assert Attribute.tlv(12, data).number == number


def test_an_unregistered_attribute_survives():
    octets = bytes.fromhex("ffff1234 7ffe0003 616263")
    assert encode_attributes(decode_attributes(octets)) == octets


@pytest.mark.parametrize("octets", ["80", "800b", "800b00", "000c0004 0020c4", "000c", "000cffff 00"])
def test_a_cut_attribute_is_malformed(octets):
    with pytest.raises(Malformed, match="at offset 0 needs"):
        decode_attributes(bytes.fromhex(octets))


def test_the_offset_of_the_bad_one_is_named():
    with pytest.raises(Malformed, match="attribute 12 at offset 4 needs 4 octets, 1 are left"):
        decode_attributes(bytes.fromhex("800b0001 000c0004 00"))


@pytest.mark.parametrize("padding", [0, 1, 2, 3])
def test_zero_octets_within_the_slack_are_ignored(padding):
    assert decode_attributes(bytes.fromhex("800b0001") + bytes(padding), slack=3) == (Attribute.tv(11, 1),)


def test_other_octets_within_the_slack_are_not():
    with pytest.raises(Malformed):
        decode_attributes(bytes.fromhex("800b0001 0001"), slack=3)
    with pytest.raises(Malformed):
        decode_attributes(bytes.fromhex("800b0001 0000"))


def test_an_empty_attribute_of_type_zero_is_no_slack():
    assert decode_attributes(bytes(4), slack=3) == (Attribute.tlv(0, b""),)


def test_the_number_of_attributes_is_bounded():
    assert len(decode_attributes(bytes.fromhex("800b0001") * 256)) == 256
    with pytest.raises(Malformed, match="more than 256 attributes"):
        decode_attributes(bytes.fromhex("800b0001") * 257)


@pytest.mark.parametrize(
    "attribute",
    [Attribute(1, b"a", basic=True), Attribute(0x8000, b""), Attribute(-1, b""), Attribute(1, bytes(65536))],
)
def test_what_does_not_fit_is_not_written(attribute):
    with pytest.raises(ValueError, match=r"fit|needs"):
        encode_attributes([attribute])


@pytest.mark.parametrize(
    ("number", "size", "basic"),
    [
        (0, 2, True),
        (65535, 2, True),
        (65536, 4, False),
        (2**32 - 1, 4, False),
        (2**32, 8, False),
        (2**64 - 1, 8, False),
    ],
)
def test_f16_numbers_have_a_form_up_to_eight_octets(number, size, basic):
    made = Attribute.integer(12, number)
    assert (len(made.data), made.basic, made.number) == (size, basic, number)


@pytest.mark.parametrize("number", [-1, 2**64, 2**80])
def test_f16_a_number_that_has_no_form_is_a_value_error(number):
    with pytest.raises(ValueError, match="does not fit"):
        Attribute.integer(12, number)
    with pytest.raises(ValueError, match="does not fit"):
        Attribute.tv(12, number)


def test_f5_what_a_person_typed_is_not_kept_by_the_reader():
    """Short attributes of transforms are read once and remembered; those that may be secret are not."""
    octets = encode_attributes([Attribute(XauthAttribute.USER_PASSWORD, b"pw", basic=True)])
    assert decode_attributes(octets)[0] is not decode_attributes(octets)[0]
