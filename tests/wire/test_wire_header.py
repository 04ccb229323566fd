"""The ISAKMP header: what it accepts, what it refuses, and that lengths are computed."""

from __future__ import annotations

import pytest

from lotor.wire.errors import Malformed
from lotor.wire.header import Header

GOOD = Header(b"initiate", b"respond!", 1, 4, 1, 0xDEADBEEF)


def test_a_header_is_written_as_rfc_2408_draws_it():
    assert GOOD.encode(12) == b"initiaterespond!" + bytes.fromhex("01 10 04 01 deadbeef 00000028")


def test_a_header_reads_back_with_its_length():
    assert Header.decode(GOOD.encode(3) + b"abc") == Header(b"initiate", b"respond!", 1, 4, 1, 0xDEADBEEF, length=31)


@pytest.mark.parametrize("size", [0, 1, 4, 27])
def test_a_short_datagram_is_malformed(size):
    with pytest.raises(Malformed, match=f"needs 28 octets, the datagram has {size}"):
        Header.decode(GOOD.encode(0)[:size])


@pytest.mark.parametrize("extra", [-1, 1, 4])
def test_a_length_that_is_not_the_datagrams_is_malformed(extra):
    datagram = GOOD.encode(20 - extra) + bytes(20)
    with pytest.raises(Malformed, match=f"says {48 - extra} octets, the datagram has 48"):
        Header.decode(datagram)


@pytest.mark.parametrize(("octet", "spoken"), [(0x10, "1.0"), (0x20, "2.0"), (0x1F, "1.15"), (0xFF, "15.15")])
def test_every_version_is_read_and_none_is_judged(octet, spoken):
    datagram = bytearray(GOOD.encode(0))
    datagram[17] = octet
    header = Header.decode(bytes(datagram))
    assert (header.major, header.spoken, header.encode(0)) == (octet >> 4, spoken, bytes(datagram))


def test_a_cookie_has_eight_octets():
    with pytest.raises(ValueError, match="8 octets"):
        Header(b"short", b"respond!", 1, 4, 0, 0).encode(0)
