"""Cutting messages into Cisco fragments."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lotor.wire.header import Header
from lotor.wire.v1.chain import parse_chain
from lotor.wire.v1.fragment import OVERHEAD, split
from lotor.wire.v1.payloads import Fragment

HEADER = Header(b"initiate", b"respond!", 8, 6, 1, 0x01020304)


def message(size: int) -> bytes:
    return HEADER.encode(size - Header.SIZE) + bytes(index % 251 for index in range(size - Header.SIZE))


@given(st.integers(28, 5000), st.integers(OVERHEAD + 40, 1300), st.integers(0, 65535))
def test_pieces_fit_and_make_the_message_again(size, limit, identifier):
    datagrams = split(message(size), identifier, limit)
    pieces = []
    for datagram in datagrams:
        assert len(datagram) <= limit
        header = Header.decode(datagram)
        assert (header.initiator, header.responder) == (HEADER.initiator, HEADER.responder)
        assert (header.next_payload, header.exchange, header.flags, header.message_id) == (132, 6, 0, 0)
        pieces.append(parse_chain(132, datagram[28:], exact=True).first(Fragment))
    assert b"".join(piece.data for piece in pieces) == message(size)
    assert [piece.number for piece in pieces] == list(range(1, len(pieces) + 1))
    assert [piece.last for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert {piece.id for piece in pieces} == {identifier}


def test_racoons_548_octets_carry_512():
    first = split(message(1500), 1, 548)[0]
    assert len(first) == 548
    assert len(parse_chain(132, first[28:]).first(Fragment).data) == 512


def test_a_limit_without_room_is_refused():
    with pytest.raises(ValueError, match="no room for data, 37 is the least"):
        split(message(100), 1, 36)
    assert len(split(message(100), 1, 37)) == 100


def test_a_message_for_more_than_255_fragments_is_refused():
    assert len(split(message(255), 1, 37)) == 255
    with pytest.raises(ValueError, match="need 256 fragments"):
        split(message(256), 1, 37)
