"""IPComp: what shrinks leaves compressed, what comes in either way is taken; zlib is the other end."""

from __future__ import annotations

import random
import struct
import zlib
from dataclasses import replace
from types import SimpleNamespace

import pytest
from scapy.layers.inet import ICMP, IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.ipsec import ESP
from scapy.packet import Packet, Raw

from lotor.model.algorithms import Cipher, Compression, EspSuite
from lotor.model.child import IpComp

OURS, THEIRS = 0x1234, 0x5678
DEFLATE = {"compression": IpComp(Compression.DEFLATE, cpi_in=OURS, cpi_out=THEIRS)}
WELL_KNOWN = 2
IPV4, IPV6, IPCOMP = 4, 41, 108
INSIDE, LEASE = "10.99.99.200", "10.99.99.1"
MSS = 1000
LARGEST = 65_535


def deflated(packet: bytes, level: int = 9) -> bytes:
    stream = zlib.compressobj(level, wbits=-15)
    return stream.compress(packet) + stream.flush()


def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def packet(payload: bytes, *, back: bool = False) -> IP:
    ends = {"src": INSIDE, "dst": LEASE} if back else {"src": LEASE, "dst": INSIDE}
    return IP(bytes(IP(**ends, id=5) / ICMP() / Raw(payload)))


def opened(peer, sealed: bytes) -> tuple[int, bytes]:
    """Next header and octets of what the engine sealed."""
    esp = peer.opens
    plain = ESP(sealed)
    esp.auth_algo.verify(plain, esp.auth_key)
    decrypted = esp.crypt_algo.decrypt(esp, plain, esp.crypt_key, esp.crypt_icv_size or esp.auth_algo.icv_size)
    return decrypted.nh, bytes(decrypted.data)


def arrive(bench, peer, payload: bytes, next_header: int = IPCOMP) -> None:
    """In ESP, `payload` with that next header."""
    peer.seals.tunnel_header = None
    bench.arrive(peer.seal(IP(src="192.0.2.1", dst="192.0.2.2", proto=next_header) / Raw(payload)))


def compressed(inner: bytes | Packet, *, cpi: int = OURS, next_header: int = IPV4, flags: int = 0) -> bytes:
    return struct.pack("!BBH", next_header, flags, cpi) + deflated(bytes(inner))


# Out


def test_what_shrinks_leaves_compressed(bench, client):
    peer = client(bench.install(**DEFLATE))
    for size in (100, 500, 1300):
        whole = packet(bytes(size), back=True)
        bench.leave(whole)
        next_header, payload = opened(peer, bench.came_outside())
        assert next_header == IPCOMP
        assert payload[:4] == struct.pack("!BBH", IPV4, 0, THEIRS)
        assert zlib.decompress(payload[4:], wbits=-15) == bytes(whole)
    assert bench.engine.counters(1).octets_out == sum(28 + size for size in (100, 500, 1300))


def test_what_does_not_shrink_and_what_is_short_leave_plain(bench, client):
    peer = client(bench.install(**DEFLATE))
    for payload in (noise(100), noise(1300), bytes(20)):
        whole = packet(payload, back=True)
        bench.leave(whole)
        assert opened(peer, bench.came_outside()) == (IPV4, bytes(whole))


def test_packets_that_never_shrink_are_not_tried_for_a_while(bench, client):
    peer = client(bench.install(**DEFLATE))
    kinds = []
    for payload in [noise(1000)] * 4 + [bytes(1000)] * 20:
        bench.leave(packet(payload, back=True))
        kinds.append(opened(peer, bench.came_outside())[0])
    assert kinds == [IPV4] * 20 + [IPCOMP] * 4


def test_fragments_are_compressed_one_by_one(bench, client):
    peer = client(bench.install(**DEFLATE, esp_frag=1000))
    whole = packet(bytes(4000), back=True)
    bench.leave(whole)
    pieces = []
    while not pieces or pieces[-1].flags.MF:
        next_header, payload = opened(peer, bench.came_outside())
        assert next_header == IPCOMP
        pieces.append(IP(zlib.decompress(payload[4:], wbits=-15)))
    assert b"".join(bytes(piece.payload) for piece in pieces) == bytes(whole.payload)


def test_a_large_packet_is_cut_before_it_is_compressed(offloaded, client):
    peer = client(offloaded.install(**DEFLATE))
    ends = {"src": INSIDE, "dst": LEASE}
    text = b"the same again and again, " * 800
    wanted = [
        bytes(IP(**ends, id=number) / TCP(sport=1, dport=80, seq=at, ack=9, flags="A") / Raw(text[at : at + MSS]))
        for number, at in enumerate(range(0, len(text), MSS))
    ]
    whole = bytearray(wanted[0] + b"".join(part[40:] for part in wanted[1:]))
    whole[2:4] = len(whole).to_bytes(2, "big")
    offloaded.inside.send(struct.pack("=BBHHHH", 1, 1, 40, MSS, 20, 16) + whole)
    assert len(wanted) > 2
    for part in wanted:
        next_header, payload = opened(peer, offloaded.came_outside())
        assert (next_header, zlib.decompress(payload[4:], wbits=-15)) == (IPCOMP, part)


# In


def test_compressed_and_plain_are_taken(bench, client, ping):
    peer = client(bench.install(**DEFLATE))
    for size in (0, 56, 1000, 8000):
        for inner in (packet(bytes(size)), packet(noise(size))):
            for cpi, flags in ((OURS, 0), (WELL_KNOWN, 0), (OURS, 0xFF)):
                arrive(bench, peer, compressed(inner, cpi=cpi, flags=flags))
                assert bench.came_inside() == bytes(inner)
            arrive(bench, peer, bytes(inner), IPV4)
            assert bench.came_inside() == bytes(inner)
    counters = bench.engine.counters(1)
    assert (counters.packets_in, counters.misdirected) == (32, 0)
    assert counters.octets_in == 8 * sum(28 + size for size in (0, 56, 1000, 8000))


@pytest.mark.parametrize("level", [0, 1, 9])
def test_every_kind_of_block_is_read(bench, client, level):
    peer = client(bench.install(**DEFLATE))
    inner = packet(b"abcabcabdabcabc" * 60)
    arrive(bench, peer, struct.pack("!BBH", IPV4, 0, OURS) + deflated(bytes(inner), level))
    assert bench.came_inside() == bytes(inner)


def test_ipv6_is_compressed_as_well(bench, client, ping6, within6):
    peer = client(bench.install(**DEFLATE, **within6))
    whole = IPv6(bytes(ping6(back=True)) + bytes(800))
    whole.plen += 800
    bench.leave(whole)
    next_header, payload = opened(peer, bench.came_outside())
    assert (next_header, payload[0]) == (IPCOMP, IPV6)
    assert zlib.decompress(payload[4:], wbits=-15) == bytes(whole)
    arrive(bench, peer, compressed(ping6(), next_header=IPV6))
    assert bench.came_inside() == bytes(ping6())
    arrive(bench, peer, compressed(ping6(), next_header=IPV4))
    bench.wait(lambda: bench.engine.counters(1).misdirected == 1)
    assert bench.nothing_inside()


def test_a_run_of_compressed_packets_arrives_in_order(bench, client):
    """More than there is room for at once."""
    peer = client(bench.install(**DEFLATE))
    sent = [packet(bytes([number]) * 12_000) for number in range(23)]
    for inner in sent:
        arrive(bench, peer, compressed(inner))
    assert [bench.came_inside() for _ in sent] == [bytes(inner) for inner in sent]


def test_a_run_of_compressed_segments_arrives_as_one_packet(offloaded, client):
    peer = client(offloaded.install(**DEFLATE))
    peer.seals.tunnel_header = None
    ends = {"src": LEASE, "dst": INSIDE}
    sent = [
        bytes(IP(**ends, id=at) / TCP(sport=1, dport=80, seq=1000 * at, ack=9, flags="A") / Raw(bytes(1000)))
        for at in range(10)
    ]
    payloads = [compressed(inner) for inner in sent]
    longest = max(map(len, payloads))
    outer = {"src": "192.0.2.1", "dst": "192.0.2.2", "proto": IPCOMP}
    # Octets behind the stream belong to nobody: all are equally long and leave together.
    sealed = [peer.seal(IP(**outer) / Raw(payload.ljust(longest, b"\0"))) for payload in payloads]
    offloaded.peer.setsockopt(17, 103, len(sealed[0]))  # UDP_SEGMENT
    offloaded.arrive(b"".join(sealed))
    told, whole = offloaded.came_framed()
    assert (told[1], len(whole)) == (1, 40 + 10 * 1000)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\4\0\0",
        struct.pack("!BBH", IPV4, 0, OURS),
        compressed(packet(bytes(500)), cpi=THEIRS),
        compressed(packet(bytes(500)), cpi=3),
        compressed(packet(bytes(500)), next_header=IPV6),
        compressed(packet(bytes(500)), next_header=IPCOMP),
        compressed(packet(bytes(500)))[:-1],
        compressed(packet(bytes(500)))[:12],
        struct.pack("!BBH", IPV4, 0, OURS) + noise(300),
        struct.pack("!BBH", IPV4, 0, OURS) + zlib.compress(bytes(packet(bytes(500)))),
        compressed(b""),
        compressed(bytes(500)),
        compressed(bytes(10_000_000)),
        compressed(bytes(packet(bytes(500))) + bytes(LARGEST)),
        compressed(bytes(packet(bytes(500)))[:-1]),
        compressed(packet(bytes(500), back=True)),
        compressed(compressed(packet(bytes(500)))),
    ],
)
def test_what_is_no_packet_of_the_tunnel_is_counted_and_dropped(bench, client, payload):
    peer = client(bench.install(**DEFLATE))
    arrive(bench, peer, payload)
    bench.wait(lambda: bench.engine.counters(1).misdirected == 1)
    assert bench.nothing_inside()
    arrive(bench, peer, compressed(packet(bytes(500))))
    assert bench.came_inside() == bytes(packet(bytes(500)))


def test_what_was_not_agreed_on_is_refused(bench, client):
    peer = client(bench.install())
    for cpi in (OURS, WELL_KNOWN):
        arrive(bench, peer, compressed(packet(bytes(500)), cpi=cpi))
    bench.leave(packet(bytes(500), back=True))
    assert opened(peer, bench.came_outside())[0] == IPV4
    bench.wait(lambda: bench.engine.counters(1).misdirected == 2)
    assert bench.nothing_inside()


def test_another_algorithm_is_refused_with_a_sentence(bench):
    association = SimpleNamespace(algorithm=SimpleNamespace(value="lzs"), cpi_in=1, cpi_out=1)
    with pytest.raises(OSError, match="no compression lzs"):
        bench.engine.install(replace(bench.child(), compression=association))


@pytest.mark.parametrize(
    "suite", [EspSuite(Cipher.AES_GCM_16, 256, None), EspSuite(Cipher.CHACHA20_POLY1305, 256, None)]
)
def test_every_suite_carries_it(bench, client, suite):
    peer = client(bench.install(**DEFLATE, suite=suite))
    arrive(bench, peer, compressed(packet(bytes(900))))
    assert bench.came_inside() == bytes(packet(bytes(900)))
