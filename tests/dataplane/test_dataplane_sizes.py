"""Sizes: no outer datagram over `esp_frag`, ICMP for what must not be fragmented, MSS, MTU."""

from __future__ import annotations

import pytest
from scapy.layers.inet import ICMP, IP, TCP
from scapy.packet import Raw

from lotor.model.algorithms import Cipher, EspSuite, Integrity

HEADERS = 28
"""Outer IP and UDP."""
AES_SHA1 = EspSuite(Cipher.AES_CBC, 128, Integrity.HMAC_SHA1)
GCM = EspSuite(Cipher.AES_GCM_16, 256, None)
LARGEST = EspSuite(Cipher.AES_CBC, 256, Integrity.HMAC_SHA512)


def largest_inner(suite: EspSuite, outer: int) -> int:
    """By hand, from RFC 4303: 8 octets of header, IV, whole blocks with 2 octets of trailer, ICV."""
    vector, block, icv = {AES_SHA1: (16, 16, 12), GCM: (8, 4, 16), LARGEST: (16, 16, 32)}[suite]
    return (outer - HEADERS - 8 - vector - icv) // block * block - 2


@pytest.mark.parametrize("suite", [AES_SHA1, GCM, LARGEST], ids=str)
def test_no_outer_datagram_is_larger_than_esp_frag(bench, ping, suite):
    """Every limit from 552 to 1500, and no more pieces than that takes."""
    for limit in range(552, 1501):
        bench.install(suite=suite, esp_frag=limit)
        bench.leave(ping(1400, back=True))
        pieces = [bench.came_outside() for _ in range(fewest_pieces(1428, largest_inner(suite, limit)))]
        assert max(len(piece) + HEADERS for piece in pieces) <= limit, limit
        assert bench.engine.counters(1).packets_out == len(pieces), limit
        bench.engine.remove(1)


def fewest_pieces(packet: int, largest: int) -> int:
    """Pieces of whole 8 octets, the last of any size."""
    room = largest - 20
    return 1 if packet <= largest else 1 + -(-(packet - 20 - room) // (room // 8 * 8))


@pytest.mark.parametrize("limit", [552, 576, 1000, 1280])
def test_the_pieces_are_the_packet(bench, client, ping, limit):
    peer = client(bench.install(esp_frag=limit))
    whole = ping(3000, back=True)
    bench.leave(whole)
    pieces = [peer.open(bench.came_outside())]
    while pieces[-1].flags.MF:
        pieces.append(peer.open(bench.came_outside()))
    assert b"".join(bytes(piece.payload) for piece in pieces) == bytes(whole.payload)
    lengths = [len(piece.payload) for piece in pieces]
    assert [8 * piece.frag for piece in pieces] == [sum(lengths[:number]) for number in range(len(pieces))]
    for piece in pieces:
        given = piece.chksum
        del piece.chksum
        assert IP(bytes(piece)).chksum == given
        assert (piece.id, piece.ttl, piece.src, piece.dst) == (whole.id, whole.ttl, whole.src, whole.dst)


def test_a_packet_that_fits_exactly_leaves_whole(bench, client, ping):
    limit = 552
    peer = client(bench.install(esp_frag=limit))
    fits = largest_inner(AES_SHA1, limit)
    bench.leave(ping(fits - 28, back=True))
    assert bytes(peer.open(bench.came_outside())) == bytes(ping(fits - 28, back=True))
    bench.leave(ping(fits - 27, back=True))
    assert peer.open(bench.came_outside()).flags.MF
    bench.came_outside()


def test_what_must_not_be_fragmented_is_answered_with_its_size(bench, ping):
    bench.install(esp_frag=552)
    big = ping(1400, back=True, flags="DF")
    bench.leave(big)
    answer = IP(bench.came_inside())
    assert (answer.src, answer.dst) == (big.dst, big.src)
    assert (answer[ICMP].type, answer[ICMP].code, answer[ICMP].nexthopmtu) == (3, 4, largest_inner(AES_SHA1, 552))
    assert bytes(answer)[28:] == bytes(big)[:548]
    for layer in (IP, ICMP):
        given = answer[layer].chksum
        again = IP(bytes(answer))
        del again[layer].chksum
        assert IP(bytes(again))[layer].chksum == given
    assert bench.nothing_outside()
    assert bench.engine.counters(1).packets_out == 0


def test_icmp_errors_are_not_answered(bench):
    bench.install(esp_frag=552)
    error = IP(src="10.99.99.200", dst="10.99.99.1", flags="DF") / ICMP(type=3, code=1) / Raw(bytes(1000))
    bench.leave(error)
    assert bench.nothing_inside()


def syn(options, *, back: bool, flags: str = "S"):
    ends = ("10.99.99.200", "10.99.99.1") if back else ("10.99.99.1", "10.99.99.200")
    packet = IP(src=ends[0], dst=ends[1], flags="DF") / TCP(sport=1000, dport=80, flags=flags, options=options)
    return IP(bytes(packet))


@pytest.mark.parametrize("limit", [552, 1000, None])
@pytest.mark.parametrize("options", [[("MSS", 1460)], [("NOP", None), ("MSS", 1460), ("WScale", 7)]], ids=str)
@pytest.mark.parametrize("flags", ["S", "SA"])
def test_handshakes_learn_what_fits_in_both_directions(bench, client, limit, options, flags):
    peer = client(bench.install(esp_frag=limit))
    fits = largest_inner(AES_SHA1, limit or 1500) - 40
    bench.leave(syn(options, back=True, flags=flags))
    bench.arrive(peer.seal(syn(options, back=False, flags=flags)))
    for packet in (peer.open(bench.came_outside()), IP(bench.came_inside())):
        assert dict(packet[TCP].options)["MSS"] == fits
        given = packet[TCP].chksum
        del packet[TCP].chksum
        assert IP(bytes(packet))[TCP].chksum == given


def test_a_smaller_size_and_other_segments_stay(bench, client):
    peer = client(bench.install(esp_frag=552))
    for packet in (syn([("MSS", 400)], back=False), syn([("MSS", 1460)], back=False, flags="A")):
        bench.arrive(peer.seal(packet))
        assert bench.came_inside() == bytes(packet)


def test_the_mtu_of_the_device_fits_every_suite(bench):
    assert bench.engine.mtu() == largest_inner(LARGEST, 1500)


def test_limits_that_nothing_fits_into_are_refused(bench):
    with pytest.raises(OSError, match="raise esp_frag"):
        bench.install(esp_frag=100)
