"""What stands inside of PEAP: packets without their header, and results."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotor.wire.eap import packet, peap
from lotor.wire.eap.packet import Code, Packet, Type
from lotor.wire.errors import Malformed

RESULT = bytes.fromhex("0109000b2180030002")
"""As the protocol's description has it, up to what it says: 0001 is success, 0002 failure."""


def test_a_request_travels_without_its_header_and_a_result_with_it():
    assert peap.bare(packet.request(7, Type.IDENTITY).encode()) == b"\1"
    assert peap.bare(packet.request(7, Type.GTC, b"hello").encode()) == b"\6hello"
    result = packet.request(9, peap.EXTENSIONS, peap.encode_result(success=True)).encode()
    assert result == RESULT + b"\0\1"
    assert peap.bare(result) == result
    assert peap.encode_result(success=False) == RESULT[5:] + b"\0\2"


@pytest.mark.parametrize("octets", [packet.success(7).encode(), packet.failure(7).encode()])
def test_nothing_but_requests_and_responses_travels(octets):
    with pytest.raises(ValueError, match="does not travel"):
        peap.bare(octets)


def test_a_response_gets_its_header_again():
    assert Packet.decode(peap.whole(b"\1alice", 7)) == Packet(Code.RESPONSE, 7, Type.IDENTITY, b"alice")
    result = b"\2" + RESULT[1:] + b"\0\1"
    assert peap.whole(result, 7) == result
    with pytest.raises(Malformed, match="nothing inside"):
        peap.whole(b"", 7)


def test_a_result_may_have_other_things_beside_it():
    assert peap.is_success(RESULT[5:] + b"\0\1")
    assert peap.is_success(bytes.fromhex("000c0003aabbcc") + RESULT[5:] + b"\0\1")
    assert not peap.is_success(RESULT[5:] + b"\0\2")


@pytest.mark.parametrize(
    "data",
    [b"", b"\x80\3\0", RESULT[5:] + b"\0", RESULT[5:], (RESULT[5:] + b"\0\1") * 2, bytes.fromhex("8003ffff0001")],
)
def test_what_is_no_result(data):
    with pytest.raises(Malformed):
        peap.is_success(data)


@given(st.binary(max_size=64))
def test_any_octets_are_read_or_refused(data):
    for read in (peap.is_success, lambda octets: peap.whole(octets, 1)):
        try:
            read(data)
        except Malformed:
            continue
