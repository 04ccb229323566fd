"""MSCHAPv2 and GTC in EAP: the words of recorded peers and of other servers, sizes that lie, and the bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import recordings_v2
from lotor.model.secret import Secret
from lotor.wire.eap import gtc, mschapv2
from lotor.wire.eap.packet import (
    Code,
    Packet,
    Type,
)
from lotor.wire.errors import Malformed

octet = st.integers(0, 255)
RECORDED = recordings_v2.eap()


def recorded(kind: int) -> list[Packet]:
    packets = [Packet.decode(octets) for _, octets in RECORDED]
    return [packet for packet in packets if packet.type == kind]


def mschap_of(packet: Packet) -> object:
    reading = mschapv2.decode_request if packet.code == Code.REQUEST else mschapv2.decode_answer
    return reading(packet.data)


def test_recorded_words_of_mschapv2_read_and_write_back():
    """strongSwan ends some with a zero, and says only the beginning of a failure."""
    packets = recorded(Type.MSCHAPV2)
    assert len(packets) > 15
    for packet in packets:
        value = mschap_of(packet)
        again = mschapv2.encode(value)
        assert mschap_of(Packet(packet.code, 0, packet.type, again)) == value
        assert isinstance(value, mschapv2.Failure) or packet.data.rstrip(b"\0")[4:] == again[4:]
        assert packet.data[:2] == again[:2]
        assert packet.data[2:4] == (len(packet.data).to_bytes(2, "big") if len(packet.data) > 1 else b"")


@pytest.mark.parametrize("name", [name for name in recordings_v2.NAMES if recordings_v2.load(name)["mschapv2"]])
def test_recorded_logins_are_what_the_peers_computed(name):
    packets = [Packet.decode(octets) for each, octets in RECORDED if each == name]
    values = [mschap_of(packet) for packet in packets if packet.type == Type.MSCHAPV2]
    (login,) = recordings_v2.load(name)["mschapv2"]
    challenge = next(each for each in values if isinstance(each, mschapv2.Challenge))
    response = next(each for each in values if isinstance(each, mschapv2.Response))
    assert challenge.challenge.hex() == login["authenticator_challenge"]
    assert (response.peer_challenge.hex(), response.response.hex()) == (login["peer_challenge"], login["nt_response"])
    assert response.user.rpartition("\\")[2] == login["user"].rpartition("\\")[2]
    for each in values:
        if isinstance(each, mschapv2.Success):
            assert mschapv2.success_text(each.authenticator).startswith(login["authenticator_response"].encode())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("E=691 R=1 C=" + "0A" * 16 + " V=3 M=no", mschapv2.Failure(5, 691, True, b"\n" * 16, "no")),
        ("E=691 R=0 C=" + "0A" * 16 + " V=3", mschapv2.Failure(5, 691, False, b"\n" * 16)),
        ("E=648", mschapv2.Failure(5, 648)),
        ("E=648 R=1 M=a\x1b[2Jb\0", mschapv2.Failure(5, 648, True, b"", "a?[2Jb")),
        ("E=691 R=0 M=E=1 R=1", mschapv2.Failure(5, 691, False, b"", "E=1 R=1")),
    ],
)
def test_failures_of_servers_are_understood(text, value):
    assert mschapv2.decode_request(b"\4\5\0\0" + text.encode()) == value


def test_a_failure_is_written_with_all_its_parts():
    octets = mschapv2.encode(mschapv2.Failure(5, mschapv2.Error.AUTHENTICATION_FAILURE, message="no"))
    assert octets == b"\4\5\0\x39" + b"E=691 R=0 C=" + b"0" * 32 + b" V=3 M=no"
    assert len(octets) == 0x39


@pytest.mark.parametrize("text", ["S=" + "ab" * 20, "S=" + "AB" * 20 + " M=", "S=" + "AB" * 20 + "M=\0\0"])
def test_successes_of_servers_are_understood(text):
    assert mschapv2.decode_request(b"\3\5\0\0" + text.encode()) == mschapv2.Success(5, b"\xab" * 20)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "E=",
        "E=x",
        "R=1 E=691",
        "E=691 R=2",
        "E=691 C=00",
        "E=12345678901",
        "E=691" + " " * 600,
        "S=" + "AB" * 20,
        "E=691 R=1 C=" + "0A" * 17,
    ],
)
def test_a_failure_that_says_nothing_is_malformed(text):
    with pytest.raises(Malformed, match="failure"):
        mschapv2.decode_request(b"\4\5\0\0" + text.encode())


@pytest.mark.parametrize("text", ["", "S=", "S=" + "AB" * 19, "S=" + "AB" * 21, "S=" + "XY" * 20, " S=" + "AB" * 20])
def test_a_success_that_proves_nothing_is_malformed(text):
    with pytest.raises(Malformed, match="success"):
        mschapv2.decode_request(b"\3\5\0\0" + text.encode())


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\1\5\0",
        b"\1\5\0\4",
        b"\1\5\0\5\x10",
        b"\1\5\0\5\x0f" + bytes(15),
        b"\1\5\0\5\x11" + bytes(17),
        b"\1\5\0\5\x10" + bytes(15),
        b"\1\5\0\5\x10" + bytes(16) + b"n" * 257,
    ],
)
def test_a_challenge_of_another_size_is_malformed(octets):
    with pytest.raises(Malformed):
        mschapv2.decode_request(octets)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\2",
        b"\2\5\0\4",
        b"\2\5\0\5\x31",
        b"\2\5\0\5\x31" + bytes(48),
        b"\2\5\0\5\x30" + bytes(49),
        b"\2\5\0\5\x31" + bytes(49) + b"n" * 257,
    ],
)
def test_a_response_of_another_size_is_malformed(octets):
    with pytest.raises(Malformed):
        mschapv2.decode_answer(octets)


@pytest.mark.parametrize("name", [b"", b"al\0ice", b"\xff\xfe", b"n" * 254])
def test_a_response_without_a_name_that_can_be_one_is_malformed(name):
    answer = mschapv2.decode_answer(mschapv2.encode(mschapv2.Response(5, bytes(16), bytes(24), name)))
    with pytest.raises(Malformed, match="MSCHAPv2"):
        _ = answer.user


@pytest.mark.parametrize(("octets", "value"), [(b"\3", True), (b"\4", False), (b"\3\5\0\4", True), (b"\4\0", False)])
def test_acknowledgements_are_an_octet(octets, value):
    assert mschapv2.decode_answer(octets) == mschapv2.Acknowledged(value)


def test_other_operations_are_seen_as_such():
    assert mschapv2.decode_answer(b"\7\5\0\4") == mschapv2.Other(mschapv2.OpCode.CHANGE_PASSWORD)
    assert mschapv2.decode_request(b"\2\5\0\4") == mschapv2.Other(2)


@pytest.mark.parametrize(
    "value",
    [
        mschapv2.Challenge(1, bytes(15)),
        mschapv2.Response(1, bytes(15), bytes(24), b"n"),
        mschapv2.Response(1, bytes(16), bytes(23), b"n"),
        mschapv2.Success(1, bytes(19)),
        mschapv2.Failure(1, 691, challenge=bytes(15)),
    ],
)
def test_values_of_a_wrong_size_are_not_written(value):
    with pytest.raises(ValueError, match="octets"):
        mschapv2.encode(value)


@given(octet, st.binary(min_size=16, max_size=16), st.binary(min_size=24, max_size=24), st.binary(max_size=40), octet)
def test_every_response_reads_back(identifier, challenge, response, name, flags):
    value = mschapv2.Response(identifier, challenge, response, name, flags)
    assert mschapv2.decode_answer(mschapv2.encode(value)) == value


# GTC


def test_questions_and_answers_in_words():
    assert gtc.decode_prompt(gtc.encode_prompt("Password: ")) == "Password: "
    assert gtc.decode_prompt(b"a\x1b[2J\nb\0") == "a?[2J\nb"
    assert gtc.decode_answer(b"secret") == Secret("secret")
    assert len(gtc.encode_prompt("x" * 5000)) == gtc.LONGEST_PROMPT


@pytest.mark.parametrize("reading", [gtc.decode_prompt, gtc.decode_answer])
def test_words_have_a_bound(reading):
    with pytest.raises(Malformed, match="are the most"):
        reading(bytes(1025))
