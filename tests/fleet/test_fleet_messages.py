"""What a server sends, before the driver sees it: what is of another form than the manual's never reaches it."""

from __future__ import annotations

import random
import struct

import pytest

from lotor.fleet.messages import LONGEST, MalformedError, Messages


def message(kind: str, body: bytes = b"") -> bytes:
    return kind.encode() + struct.pack("!I", len(body) + 4) + body


def described(*types: int) -> bytes:
    columns = b"".join(b"x\0" + struct.pack("!IhIhih", 0, 0, each, 8, -1, 0) for each in types)
    return message("T", struct.pack("!h", len(types)) + columns)


def row(*values: bytes | None) -> bytes:
    told = b"".join(b"\xff\xff\xff\xff" if each is None else struct.pack("!i", len(each)) + each for each in values)
    return message("D", struct.pack("!h", len(values)) + told)


BOUND = message("2")
HONEST = (
    message("R", struct.pack("!I", 10) + b"SCRAM-SHA-256\0\0"),
    message("R", struct.pack("!I", 0)),
    message("S", b"server_version\x0015.5\0"),
    message("K", bytes(8)),
    message("Z", b"I"),
    message("1"),
    message("t", struct.pack("!hII", 2, 25, 1009)),
    described(25, 20, 16),
    BOUND,
    row(b"had", bytes(8), b"\1"),
    row(None, None, None),
    message("C", b"SELECT 2\0"),
    message("Z", b"T"),
    message("A", struct.pack("!I", 7) + b"lotor\0{}\0"),
    message("E", b"SERROR\0C42P01\0Mno such table\0\0"),
    message("n"),
)


def taken(octets: bytes) -> bytes:
    return Messages().take(octets)


def test_what_an_honest_server_sends_goes_through_whole_however_it_arrives():
    whole = b"".join(HONEST)
    assert taken(whole) == whole
    messages = Messages()
    pieces = [messages.take(whole[at : at + 1]) for at in range(len(whole))]
    assert b"".join(pieces) == whole
    assert {each for each in pieces if each} == set(HONEST)


def test_rows_that_nobody_reads_are_not_compared_with_types():
    assert taken(described(23) + row(b"1"))  # of a simple query: in words
    with pytest.raises(MalformedError):
        taken(described(23) + BOUND + row(b"1"))


@pytest.mark.parametrize(
    "octets",
    [
        b"D\0\0\0\3",
        b"D\x7f\xff\xff\xff",
        b"D" + struct.pack("!I", LONGEST + 1),
        message("x"),
        message("G", bytes(3)),
        message("1", b"x"),
        message("Z", b"x"),
        message("K", bytes(7)),
        message("R"),
        message("R", struct.pack("!I", 7)),
        message("R", struct.pack("!I", 5) + bytes(3)),
        message("S", b"a\0b"),
        message("S", b"a\0"),
        message("C", b"SELECT"),
        message("A", bytes(5)),
        message("E", b"SERROR\0"),
        message("E", b"SERROR"),
        message("E", b"\0\0"),
        message("t", struct.pack("!h", -1)),
        message("t", struct.pack("!hI", 2, 25)),
        message("t", struct.pack("!hI", 1, 2249)),
        message("T", struct.pack("!h", 1) + b"x"),
        message("T", struct.pack("!h", 1) + b"x\0" + bytes(17)),
        message("T", struct.pack("!h", 65)),
        described(2249),
        described(1700),
        row(b"x"),
        described(25) + row(),
        described(25) + message("D", struct.pack("!hi", 1, 5) + b"four"),
        described(25) + message("D", struct.pack("!hi", 1, -2)),
        described(25) + message("D", struct.pack("!hi", 1, 2) + b"three"),
        described(25) + message("D", struct.pack("!h", 1)),
        described(20) + BOUND + row(bytes(7)),
        described(16) + BOUND + row(b""),
    ],
)
def test_what_no_server_sends_ends_the_connection(octets):
    with pytest.raises(MalformedError):
        taken(octets)


def test_no_change_of_a_stream_ends_in_another_error():
    dice, whole = random.Random(7), b"".join(HONEST)
    passed = 0
    for _ in range(5000):
        changed = bytearray(whole)
        for _ in range(dice.randint(1, 3)):
            changed[dice.randrange(len(changed))] = dice.choice((0, 1, 0x7F, 0x80, 0xFF, dice.randrange(256)))
        try:
            passed += len(taken(bytes(changed))) > 0
        except MalformedError:
            continue
    assert 0 < passed < 5000
