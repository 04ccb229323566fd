"""Large packets: cut, sealed and sent by one call; received by one call, opened and joined."""

from __future__ import annotations

import os
import socket
import struct
from dataclasses import replace

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.packet import Raw

from lotor.dataplane.userspace.kernels import breaks_segments
from lotor.model.offloads import ALL_OFFLOADS, NO_OFFLOADS

LEASE, INSIDE = "10.99.99.1", "10.99.99.200"
NEEDS_CHECKSUM, TCP_IPV4, UDP_L4 = 1, 1, 5
UDP_SEGMENT = 103
MSS = 1000
OCTETS = bytes(number * 7 % 251 for number in range(20_500))


def segments(size: int, *, back: bool, flags: str = "A") -> list[bytes]:
    """OCTETS as TCP segments; the last one has `flags`, the others ACK only."""
    ends = (INSIDE, LEASE) if back else (LEASE, INSIDE)
    pieces = [OCTETS[at : at + size] for at in range(0, len(OCTETS), size)]
    options = [("NOP", None), ("NOP", None), ("Timestamp", (7, 8))]
    return [
        bytes(
            IP(src=ends[0], dst=ends[1], id=(0xFFF8 + number) % 65536, flags="DF")
            / TCP(
                sport=1025,
                dport=80,
                seq=(0xFFFFF000 + number * size) % 2**32,
                ack=9,
                flags=flags if number == len(pieces) - 1 else "A",
                options=options,
            )
            / Raw(piece)
        )
        for number, piece in enumerate(pieces)
    ]


def datagrams(size: int, *, back: bool) -> list[bytes]:
    ends = (INSIDE, LEASE) if back else (LEASE, INSIDE)
    pieces = [OCTETS[at : at + size] for at in range(0, len(OCTETS), size)]
    return [
        bytes(IP(src=ends[0], dst=ends[1], id=number) / UDP(sport=1025, dport=53) / Raw(piece))
        for number, piece in enumerate(pieces)
    ]


def as_one(parts: list[bytes], headers: int) -> bytes:
    """The kernel's large packet: lengths of the whole, the checksum field is the engine's to fill."""
    whole = bytearray(parts[0] + b"".join(part[headers:] for part in parts[1:]))
    whole[2:4] = len(whole).to_bytes(2, "big")
    return bytes(whole)


def header(kind: int, headers: int, checksum: int) -> bytes:
    return struct.pack("=BBHHHH", NEEDS_CHECKSUM, kind, headers, MSS, 20, checksum)


@pytest.mark.parametrize("octets", [MSS * 20, MSS * 20 + 500])
def test_where_the_kernel_garbles_equal_datagrams_the_last_is_a_keepalive(garbling, client, octets):
    """On the wire: as many ESP packets as ever, and behind those of one length one octet 0xFF."""
    assert garbling.engine.offloads().udp_segment_tail
    peer = client(garbling.install())
    wanted = datagrams(MSS, back=True)[: -(-octets // MSS)]
    garbling.inside.send(header(UDP_L4, 28, 6) + as_one(wanted, 28))
    came = [garbling.came_outside() for _ in wanted]
    assert [bytes(peer.open(each)) for each in came] == wanted
    if octets % MSS == 0:
        assert len({len(each) for each in came}) == 1
        assert garbling.came_outside() == b"\xff"
    assert garbling.nothing_outside()


@pytest.mark.parametrize("flags", ["A", "PA", "FA"])
def test_a_large_segment_leaves_as_the_packets_it_stands_for(offloaded, client, flags):
    peer = client(offloaded.install())
    wanted = segments(MSS, back=True, flags=flags)
    whole = bytearray(as_one(wanted, 52))
    whole[33] = wanted[-1][33]
    offloaded.inside.send(header(TCP_IPV4, 52, 16) + whole)
    assert [bytes(peer.open(offloaded.came_outside())) for _ in wanted] == wanted


def test_a_large_datagram_leaves_as_the_datagrams_it_stands_for(offloaded, client):
    peer = client(offloaded.install())
    wanted = datagrams(MSS, back=True)
    offloaded.inside.send(header(UDP_L4, 28, 6) + as_one(wanted, 28))
    assert [bytes(peer.open(offloaded.came_outside())) for _ in wanted] == wanted


def test_a_checksum_that_the_kernel_left_to_the_device_is_finished(offloaded, client):
    peer = client(offloaded.install())
    wanted = datagrams(MSS, back=True)[0]
    pseudo = sum(struct.unpack("!4H", wanted[12:20])) + socket.IPPROTO_UDP + len(wanted) - 20
    half = (pseudo & 0xFFFF) + (pseudo >> 16)
    unfinished = wanted[:26] + half.to_bytes(2, "big") + wanted[28:]
    offloaded.inside.send(struct.pack("=BBHHHH", NEEDS_CHECKSUM, 0, 0, 0, 20, 6) + unfinished)
    assert bytes(peer.open(offloaded.came_outside())) == wanted


def test_a_large_segment_that_fits_nowhere_is_answered_once(offloaded):
    offloaded.install(esp_frag=600)
    offloaded.inside.send(header(TCP_IPV4, 52, 16) + as_one(segments(MSS, back=True), 52))
    answer = IP(offloaded.came_inside())
    assert (answer.src, answer.dst, answer.payload.type, answer.payload.code) == (LEASE, INSIDE, 3, 4)
    assert offloaded.nothing_inside()
    assert offloaded.nothing_outside()


@pytest.mark.parametrize(("kind", "headers", "make"), [(TCP_IPV4, 52, segments), (UDP_L4, 28, datagrams)])
def test_a_run_from_the_outside_arrives_as_one_packet(offloaded, client, kind, headers, make):
    peer = client(offloaded.install())
    sent = make(MSS, back=False)
    train = b"".join(peer.seal(IP(part)) for part in sent[:-1])
    stride = len(train) // (len(sent) - 1)
    offloaded.peer.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, stride)
    offloaded.arrive(train)
    told, whole = offloaded.came_framed()
    assert told[:6] == struct.pack("=BBHH", NEEDS_CHECKSUM, kind, headers, MSS)
    assert whole[headers:] == OCTETS[: len(whole) - headers]
    assert int.from_bytes(whole[2:4], "big") == len(whole)
    assert len(whole) == headers + len(OCTETS) // MSS * MSS


def test_only_what_is_wanted_is_taken(offloaded, plain):
    tail = breaks_segments(os.uname().release)
    assert offloaded.engine.offloads() == replace(ALL_OFFLOADS, udp_segment_tail=tail)
    assert plain.engine.offloads() == NO_OFFLOADS
