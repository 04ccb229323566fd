"""What counts as a change of the network: what others do to it, never what lotor does."""

from __future__ import annotations

import struct

import pytest

from lotor.hosts.news import News
from lotor.hosts.routing import FIRST_TABLE

OURS, OTHER = 7, 2


def link(index, kind=16):
    return kind, struct.pack("=BxHiII", 0, 0, index, 0, 0)


def address(index, kind=20):
    return kind, struct.pack("=BBBBI", 2, 24, 0, 0, index)


def attribute(kind, value):
    return struct.pack("=HHI", 8, kind, value)


def route(device=OTHER, table=254, kind=24):
    return kind, struct.pack("=BBBBBBBBI", 2, 24, 0, 0, min(table, 252) if table < 256 else 252, 2, 0, 1, 0) + (
        attribute(15, table) + attribute(4, device)
    )


@pytest.mark.parametrize(
    ("message", "counts"),
    [
        (link(OTHER), True),
        (link(OTHER, 17), True),
        (link(OURS), False),
        (address(OTHER), True),
        (address(OTHER, 21), True),
        (address(OURS), False),
        (route(), True),
        (route(kind=25), True),
        (route(device=OURS), False),
        (route(table=FIRST_TABLE + 3), False),
        (route(table=255), False),
        ((24, b""), False),
        ((20, b"\2\30"), False),
        ((24, route()[1][:12] + b"\xff\xff\x04\x00"), True),
        ((32, b"\0" * 40), False),
    ],
)
def test_what_counts(message, counts):
    news = News()
    news.leave_out(OURS)
    assert news._concerns(message) is counts


class Endless:
    """A kernel that has always one more message."""

    def __init__(self):
        self.read = 0

    def recv(self, most):
        self.read += 1
        assert self.read <= 1000, "nothing else has its turn"
        kind, body = route()
        return struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body


def test_a_kernel_that_never_stops_telling_leaves_a_turn_to_everything_else():
    news = News()
    news._watch._socket = kernel = Endless()
    news._watch._read()
    assert 0 < kernel.read <= 100
