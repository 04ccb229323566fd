"""TLS in pieces of EAP, and what stands inside TTLS: recorded flights, sizes that lie, and the bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import recordings_v2
from lotor.model.secret import Secret
from lotor.wire.eap import tls, ttls
from lotor.wire.eap.packet import (
    Code,
    Packet,
    Type,
)
from lotor.wire.errors import Malformed

RECORDED = recordings_v2.eap()
WITH_TLS = frozenset({Type.TLS, Type.TTLS, Type.PEAP})
TLS_RECORDINGS = ("eap-peap", "eap-tls", "eap-ttls")


def recorded(kind: int) -> list[Packet]:
    packets = [Packet.decode(octets) for _, octets in RECORDED]
    return [packet for packet in packets if packet.type == kind]


def test_recorded_pieces_of_tls_read_and_write_back():
    packets = [packet for kind in WITH_TLS for packet in recorded(kind)]
    assert len(packets) > 20
    assert [tls.Piece.decode(packet.data).encode() for packet in packets] == [packet.data for packet in packets]


@pytest.mark.parametrize("name", TLS_RECORDINGS)
def test_recorded_flights_are_put_together(name):
    """Each is a row of records of TLS."""
    assemblies = {Code.REQUEST: tls.Assembly(), Code.RESPONSE: tls.Assembly()}
    flights = list[bytes]()
    for packet in (Packet.decode(octets) for each, octets in RECORDED if each == name):
        if packet.type in WITH_TLS:
            piece = tls.Piece.decode(packet.data)
            whole = None if piece.start or piece.acknowledges else assemblies[packet.code].add(piece)
            flights += [whole] if whole else []
    assert len(flights) > 3
    for flight in flights:
        offset = 0
        while offset < len(flight):
            assert flight[offset] in {20, 21, 22, 23}
            offset += 5 + int.from_bytes(flight[offset + 3 : offset + 5], "big")
        assert offset == len(flight)


@given(st.binary(max_size=4000), st.integers(40, 1500), st.integers(0, 7))
def test_every_flight_is_cut_and_put_together(message, size, version):
    assembly, whole = tls.Assembly(), None
    for piece in tls.cut(message, size, version):
        assert whole is None
        read = tls.Piece.decode(piece.encode())
        assert read == piece
        assert len(piece.data) <= size
        whole = assembly.add(read)
    assert whole == message


def test_a_total_on_every_piece_is_fine():
    assembly = tls.Assembly()
    assert assembly.add(tls.Piece(b"ab", 4, more=True)) is None
    assert assembly.add(tls.Piece.decode(b"\x80\0\0\0\4cd")) == b"abcd"
    assert assembly.add(tls.Piece(b"next")) == b"next"


@pytest.mark.parametrize(
    ("octets", "what"),
    [
        ("", "without flags"),
        ("80", "needs 4"),
        ("80000001", "needs 4"),
        ("40", "empty and not the last"),
        ("c000000010", "empty and not the last"),
        ("6041", "a start"),
        ("8000010001", "65537 octets"),
        ("80ffffffff41", "are the most"),
        ("80000000014141", "2 octets in a flight of 1"),
        ("c00000000141", "1 octets in a flight of 1"),
    ],
)
def test_a_piece_that_cannot_be_is_malformed(octets, what):
    with pytest.raises(Malformed, match=what):
        tls.Piece.decode(bytes.fromhex(octets))


@pytest.mark.parametrize(
    ("pieces", "what"),
    [
        ([tls.Piece(b"a", more=True)], "does not say how long"),
        ([tls.Piece(b"a", 3, more=True), tls.Piece(b"b", 4)], "of 3 octets, then of 4"),
        ([tls.Piece(b"a", 3, more=True), tls.Piece(b"b")], "2 octets of a flight of TLS that has 3"),
        ([tls.Piece(b"a", 3, more=True), tls.Piece(b"bcd")], "4 octets"),
        ([tls.Piece(b"a", 3, more=True), tls.Piece(b"bc", more=True)], "3 octets"),
        ([tls.Piece(b"a", 3, more=True), tls.Piece()], "begins anew"),
        ([tls.Piece(b"a", 3, more=True), tls.Piece(b"b", start=True)], "begins anew"),
        ([tls.Piece(b"a", 3)], "1 octets"),
        ([tls.Piece(b"a", 1000, more=True)] * (tls.MOST_PIECES + 1), "more than 128 pieces"),
    ],
)
def test_pieces_that_make_no_flight_are_malformed(pieces, what):
    assembly = tls.Assembly()
    with pytest.raises(Malformed, match=what):
        list(map(assembly.add, pieces))


@pytest.mark.parametrize(("octets", "size"), [(tls.LONGEST_MESSAGE + 1, 60000), (tls.MOST_PIECES + 1, 1)])
def test_a_flight_that_no_peer_takes_is_not_cut(octets, size):
    with pytest.raises(ValueError, match="too long"):
        tls.cut(bytes(octets), size)


def test_an_acknowledgement_keeps_the_version():
    assert tls.Piece(version=1).encode() == b"\1"
    assert tls.Piece.decode(b"\1").acknowledges
    assert not tls.Piece.decode(b"\x20").acknowledges
    with pytest.raises(ValueError, match="3 bits"):
        tls.Piece(version=8).encode()


# inside TTLS

avps = st.builds(
    ttls.Avp, st.integers(0, 2**32 - 1), st.binary(max_size=60), st.sampled_from([0, 311, 2**32 - 1]), st.booleans()
)


@given(st.lists(avps, max_size=8))
def test_every_avp_reads_back(chosen):
    octets = ttls.encode_avps(chosen)
    assert len(octets) % 4 == 0
    assert ttls.decode_avps(octets) == tuple(chosen)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_the_last_avp_may_lack_its_padding(size):
    octets = ttls.encode_avps([ttls.Avp(1, b"x" * size)])
    assert ttls.decode_avps(octets[: 8 + size]) == (ttls.Avp(1, b"x" * size),)


@pytest.mark.parametrize(
    ("octets", "what"),
    [
        ("00000001 400000", "an AVP needs 8"),
        ("00000001 40000000", "below its own header"),
        ("00000001 40000007", "below its own header"),
        ("00000001 4000000c", "an AVP needs 4"),
        ("00000001 40ffffff 41", "an AVP needs 16777207"),
        ("00000001 c0000008 00000137", "below its own header"),
        ("00000001 c000000b 00000137", "below its own header"),
        ("00000001 c000000c", "vendor of an AVP"),
        ("00000001 40000008" * 33, "more than 32"),
        ("00" * 16385, "are the most"),
    ],
)
def test_avps_that_lie_are_malformed(octets, what):
    with pytest.raises(Malformed, match=what):
        ttls.decode_avps(bytes.fromhex(octets))


def test_an_avp_that_is_too_long_is_not_written():
    with pytest.raises(ValueError, match="longer"):
        ttls.encode_avps([ttls.Avp(1, bytes(ttls.LONGEST_AVPS))])


MSCHAP = ttls.MschapLogin("alice", 7, b"c" * 16, b"p" * 16, b"r" * 24)


@pytest.mark.parametrize(
    "login",
    [
        ttls.PapLogin("alice", Secret("alicepass")),
        ttls.PapLogin("ålice", Secret("p" * 16)),
        ttls.PapLogin("alice", Secret("")),
        MSCHAP,
        ttls.InnerEap(b"\2\0\0\x0a\1alice"),
    ],
)
def test_every_login_reads_back(login):
    octets = ttls.encode_avps(ttls.login_avps(login))
    assert ttls.login_of(ttls.decode_avps(octets)) == login
    assert "alicepass" not in repr(ttls.login_avps(login))


def test_a_password_hides_how_long_it_is():
    passwords = [ttls.login_avps(ttls.PapLogin("a", Secret("p" * size)))[1].data for size in (1, 15, 16, 17)]
    assert [len(each) for each in passwords] == [16, 16, 16, 32]


def test_pieces_of_an_inner_packet_are_joined():
    pieces = [ttls.Avp(79, b"ab"), ttls.Avp(79, b"cd")]
    assert ttls.login_of(pieces) == ttls.InnerEap(b"abcd")


USER, PASSWORD = ttls.Avp(1, b"alice"), ttls.Avp(2, b"pass".ljust(16, b"\0"))
CHALLENGE, ANSWER = ttls.login_avps(MSCHAP)[1:]


def test_what_is_optional_and_unknown_is_passed_over():
    login = ttls.login_of([ttls.Avp(99, b"?", mandatory=False), USER, PASSWORD, ttls.Avp(1, b"?", 9, mandatory=False)])
    assert login == ttls.PapLogin("alice", Secret("pass"))


@pytest.mark.parametrize(
    ("chosen", "what"),
    [
        ([], "no login"),
        ([USER], "no login"),
        ([PASSWORD], "no login"),
        ([USER, CHALLENGE], "no login"),
        ([USER, PASSWORD, CHALLENGE, ANSWER], "no login"),
        ([USER, PASSWORD, ttls.Avp(79, b"x")], "no login"),
        ([USER, USER, PASSWORD], "2 times"),
        ([USER, PASSWORD, PASSWORD], "2 times"),
        ([USER, PASSWORD, ttls.Avp(99, b"?")], "mandatory and not known"),
        ([USER, ttls.Avp(2, b"x", 311)], "mandatory and not known"),
        ([ttls.Avp(1, b"al\0ice"), PASSWORD], "control characters"),
        ([ttls.Avp(1, b""), PASSWORD], "0 octets"),
        ([USER, ttls.Avp(2, bytes(1025))], "1025 octets"),
        ([USER, ttls.Avp(11, b"c" * 15, 311), ANSWER], "15 octets"),
        ([USER, CHALLENGE, ttls.Avp(25, b"c" * 49, 311)], "and a response of 49"),
    ],
)
def test_avps_that_are_no_login_are_malformed(chosen, what):
    with pytest.raises(Malformed, match=what):
        ttls.login_of(chosen)
