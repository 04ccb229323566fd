"""IPv6 inside: which pair carries it, what may come out, and what the tunnel does to its packets."""

from __future__ import annotations

import socket
import struct
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6EchoRequest,
    ICMPv6PacketTooBig,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
)
from scapy.packet import Raw

from lotor.model.algorithms import Cipher, EspSuite
from lotor.model.child import DirectionKeys

LEASE6, INSIDE6 = "fd00:99::1", "fd00:99::c8"
LEAST_MTU = 1280
NEEDS_CHECKSUM, TCP_IPV6, UDP_L4 = 1, 4, 5
UDP_SEGMENT = 103
MSS = 1000
OCTETS = bytes(number * 7 % 251 for number in range(20_500))
GCM = EspSuite(Cipher.AES_GCM_16, 128, None)


def largest_inner(outer: int) -> int:
    """By hand for AES-CBC with HMAC-SHA1 in UDP over IPv4."""
    return (outer - 28 - 8 - 16 - 12) // 16 * 16 - 2


def other(keys: DirectionKeys, spi: int) -> DirectionKeys:
    return replace(keys, spi=spi)


# Which packets


@pytest.mark.parametrize("suite", [EspSuite(Cipher.AES_GCM_16, 256, None), None], ids=str)
def test_packets_pass_untouched_both_ways(bench, client, ping6, within6, suite):
    peer = client(bench.install(**within6, **({"suite": suite} if suite else {})))
    for size in (0, 1, 56, 1000):
        bench.arrive(peer.seal(ping6(size, hlim=7)))
        assert bench.came_inside() == bytes(ping6(size, hlim=7))
        bench.leave(ping6(size, back=True, hlim=9))
        assert bytes(peer.open(bench.came_outside())) == bytes(ping6(size, back=True, hlim=9))
    counters = bench.engine.counters(1)
    assert (counters.packets_in, counters.packets_out, counters.misdirected) == (4, 4, 0)
    assert counters.octets_in == counters.octets_out == 4 * 48 + 1057


def test_pairs_of_both_versions_stand_side_by_side(bench, client, ping, ping6, within6):
    first = bench.install()
    second = replace(first, id=2, inbound=other(first.inbound, 2000), outbound=other(first.outbound, 2001), **within6)
    bench.engine.install(second)
    for child, make in ((first, ping), (second, ping6), (first, ping)):
        bench.leave(make(back=True))
        sealed = bench.came_outside()
        assert sealed[:4] == child.outbound.spi.to_bytes(4, "big")
        assert bytes(client(child).open(sealed)) == bytes(make(back=True))
        bench.arrive(client(child).seal(make(), sequence=first.id + len(sealed)))
        assert bench.came_inside() == bytes(make())
        bench.engine.remove(1 if child is second else 3)
        if child is second:
            bench.engine.install(first)


def test_one_pair_carries_both_versions_and_several_networks(bench, client, ping, ping6, within6):
    plain = bench.child()
    peer = client(
        bench.install(
            local_networks=(IPv4Network("192.0.2.0/24"), *within6["local_networks"], *plain.local_networks),
            remote_networks=(*within6["remote_networks"], *plain.remote_networks),
        )
    )
    for make in (ping, ping6, ping):
        bench.arrive(peer.seal(make()))
        assert bench.came_inside() == bytes(make())
        bench.leave(make(back=True))
        assert bytes(peer.open(bench.came_outside())) == bytes(make(back=True))
    bench.arrive(peer.seal(ping(dst="192.0.2.7")))
    assert IP(bench.came_inside()).dst == "192.0.2.7"
    bench.arrive(peer.seal(ping6(src="fd00:99::2")))
    bench.arrive(peer.seal(ping(src="10.99.99.2")))
    bench.wait(lambda: bench.engine.counters(1).misdirected == 2)
    assert (bench.engine.counters(1).packets_in, bench.nothing_inside()) == (4, True)


def test_all_of_ipv6_is_nothing_of_ipv4(bench, client, ping, ping6):
    everything = (IPv6Network("::/0"),)
    peer = client(bench.install(local_networks=everything, remote_networks=everything))
    bench.leave(ping(back=True))
    bench.arrive(peer.seal(ping()))
    assert bench.nothing_outside()
    assert bench.nothing_inside()
    bench.leave(ping6(back=True, dst="2001:db8::1"))
    assert peer.open(bench.came_outside()).dst == "2001:db8::1"


@pytest.mark.parametrize(
    "ends",
    [
        {"src": "fd00:99::2"},
        {"dst": "fd00:99::c9"},
        {"src": "::1"},
        {"src": "::"},
        {"dst": "ff02::1"},
        {"src": "fe80::1"},
    ],
    ids=str,
)
def test_inner_addresses_must_be_those_of_the_tunnel(bench, client, ping6, within6, ends):
    peer = client(bench.install(**within6))
    bench.arrive(peer.seal(ping6(**ends)))
    bench.wait(lambda: bench.engine.counters(1).misdirected == 1)
    assert bench.nothing_inside()


def test_inner_headers_must_be_possible(bench, client, ping6, within6):
    peer = client(bench.install(**within6))
    for change in ({"version": 4}, {"version": 5}, {"plen": 2000}, {"plen": 65535}):
        inner = ping6()
        for name, value in change.items():
            setattr(inner, name, value)
        bench.arrive(peer.seal(inner))
    bench.wait(lambda: bench.engine.counters(1).misdirected == 4)
    assert bench.nothing_inside()


def test_the_next_header_must_tell_the_truth(bench, client, ping, ping6, within6):
    """41 with IPv4 in it, 4 with IPv6 in it, and what is neither."""
    peer = client(bench.install(**within6))
    peer.seals.tunnel_header = None
    bare = {"src": "192.0.2.1", "dst": "192.0.2.2"}
    for protocol, inner in ((41, ping()), (4, ping6()), (17, ping6()), (58, ping6())):
        bench.arrive(peer.seal(IP(**bare, proto=protocol) / Raw(bytes(inner))))
    bench.wait(lambda: bench.engine.counters(1).misdirected == 4)
    assert bench.nothing_inside()
    bench.arrive(peer.seal(IP(**bare, proto=41) / Raw(bytes(ping6()))))
    assert bench.came_inside() == bytes(ping6())


def test_dummies_come_out_nowhere(bench, client, within6):
    peer = client(bench.install(**within6))
    peer.seals.tunnel_header = None
    bench.arrive(peer.seal(IP(src="192.0.2.1", dst="192.0.2.2", proto=59) / b"anything"))
    bench.wait(lambda: bench.engine.counters(1).last_inbound is not None)
    assert bench.nothing_inside()
    assert bench.engine.counters(1).misdirected == 0


# Sizes


@pytest.mark.parametrize("limit", [None, 1400, 1350])
def test_what_is_too_big_is_answered_with_its_size(bench, ping6, within6, limit):
    bench.install(**within6, esp_frag=limit)
    fits = max(largest_inner(limit or 1500), LEAST_MTU)
    bench.leave(ping6(fits - 48, back=True))
    bench.came_outside()
    big = ping6(fits - 47, back=True)
    bench.leave(big)
    answer = IPv6(bench.came_inside())
    assert (answer.src, answer.dst, answer.hlim) == (LEASE6, INSIDE6, 64)
    assert (answer[ICMPv6PacketTooBig].mtu, len(answer)) == (fits, LEAST_MTU)
    assert bytes(answer)[48:] == bytes(big)[: LEAST_MTU - 48]
    given = answer[ICMPv6PacketTooBig].cksum
    del answer[ICMPv6PacketTooBig].cksum
    assert IPv6(bytes(answer))[ICMPv6PacketTooBig].cksum == given
    assert bench.nothing_outside()


def test_what_every_link_must_carry_leaves_whole_whatever_the_limit(bench, client, ping6, within6):
    peer = client(bench.install(**within6, esp_frag=552))
    whole = ping6(LEAST_MTU - 48, back=True)
    bench.leave(whole)
    assert bytes(peer.open(bench.came_outside())) == bytes(whole)
    bench.leave(ping6(LEAST_MTU - 47, back=True))
    assert IPv6(bench.came_inside())[ICMPv6PacketTooBig].mtu == LEAST_MTU


def test_errors_and_groups_are_not_answered(bench):
    everything = (IPv6Network("::/0"),)
    bench.install(esp_frag=552, local_networks=everything, remote_networks=everything)
    ends = {"src": INSIDE6, "dst": LEASE6}
    bench.leave(IPv6(**ends) / ICMPv6DestUnreach() / Raw(bytes(1400)))
    bench.leave(IPv6(**{**ends, "dst": "ff0e::1"}) / ICMPv6EchoRequest(data=bytes(1400)))
    assert bench.nothing_inside()
    assert bench.nothing_outside()


def test_fragments_of_the_sender_pass(bench, client, within6):
    peer = client(bench.install(**within6))
    pieces = [
        IPv6(src=INSIDE6, dst=LEASE6) / IPv6ExtHdrFragment(nh=17, offset=offset, m=more, id=9) / Raw(bytes(400))
        for offset, more in ((0, 1), (50, 0))
    ]
    for piece in pieces:
        bench.leave(piece)
        assert bytes(peer.open(bench.came_outside())) == bytes(piece)


def syn(extension=None, *, back: bool, mss: int = 1440):
    ends = {"src": INSIDE6, "dst": LEASE6} if back else {"src": LEASE6, "dst": INSIDE6}
    base = IPv6(**ends) if extension is None else IPv6(**ends) / extension
    return IPv6(
        bytes(base / TCP(sport=1000, dport=80, flags="S", options=[("NOP", None), ("MSS", mss), ("SAckOK", b"")]))
    )


@pytest.mark.parametrize("limit", [552, 1000, None])
@pytest.mark.parametrize("extension", [None, IPv6ExtHdrHopByHop(), IPv6ExtHdrDestOpt()], ids=["bare", "hop", "dest"])
def test_handshakes_learn_what_fits_in_both_directions(bench, client, within6, limit, extension):
    peer = client(bench.install(**within6, esp_frag=limit))
    fits = largest_inner(limit or 1500) - 60 - (0 if extension is None else 8)
    bench.leave(syn(extension, back=True))
    bench.arrive(peer.seal(syn(extension, back=False)))
    for packet in (peer.open(bench.came_outside()), IPv6(bench.came_inside())):
        assert dict(packet[TCP].options)["MSS"] == fits
        given = packet[TCP].chksum
        del packet[TCP].chksum
        assert IPv6(bytes(packet))[TCP].chksum == given


# Large packets


def segments(*, back: bool) -> list[bytes]:
    """OCTETS as TCP segments."""
    ends = {"src": INSIDE6, "dst": LEASE6} if back else {"src": LEASE6, "dst": INSIDE6}
    options = [("NOP", None), ("NOP", None), ("Timestamp", (7, 8))]
    return [
        bytes(
            IPv6(**ends, fl=77, tc=0x48)
            / TCP(sport=1025, dport=80, seq=(0xFFFFF000 + at) % 2**32, ack=9, flags="A", options=options)
            / Raw(OCTETS[at : at + MSS])
        )
        for at in range(0, len(OCTETS), MSS)
    ]


def datagrams(*, back: bool) -> list[bytes]:
    ends = {"src": INSIDE6, "dst": LEASE6} if back else {"src": LEASE6, "dst": INSIDE6}
    return [
        bytes(IPv6(**ends) / UDP(sport=1025, dport=53) / Raw(OCTETS[at : at + MSS]))
        for at in range(0, len(OCTETS), MSS)
    ]


def as_one(parts: list[bytes], headers: int) -> bytes:
    whole = bytearray(parts[0] + b"".join(part[headers:] for part in parts[1:]))
    whole[4:6] = (len(whole) - 40).to_bytes(2, "big")
    return bytes(whole)


KINDS = [(TCP_IPV6, 72, 16, segments), (UDP_L4, 48, 6, datagrams)]


@pytest.mark.parametrize(("kind", "headers", "checksum", "make"), KINDS, ids=["tcp", "udp"])
def test_a_large_packet_leaves_as_the_packets_it_stands_for(offloaded, client, within6, kind, headers, checksum, make):
    peer = client(offloaded.install(**within6))
    wanted = make(back=True)
    told = struct.pack("=BBHHHH", NEEDS_CHECKSUM, kind, headers, MSS, 40, checksum)
    offloaded.inside.send(told + as_one(wanted, headers))
    assert [bytes(peer.open(offloaded.came_outside())) for _ in wanted] == wanted


@pytest.mark.parametrize(("kind", "headers", "checksum", "make"), KINDS, ids=["tcp", "udp"])
def test_a_run_from_the_outside_arrives_as_one_packet(offloaded, client, within6, kind, headers, checksum, make):
    peer = client(offloaded.install(**within6))
    sent = make(back=False)
    train = b"".join(peer.seal(IPv6(part)) for part in sent[:-1])
    offloaded.peer.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, len(train) // (len(sent) - 1))
    offloaded.arrive(train)
    told, whole = offloaded.came_framed()
    assert told == struct.pack("=BBHHHH", NEEDS_CHECKSUM, kind, headers, MSS, 40, checksum)
    assert whole[headers:] == OCTETS[: len(whole) - headers]
    assert int.from_bytes(whole[4:6], "big") == len(whole) - 40
    assert len(whole) == headers + len(OCTETS) // MSS * MSS


def test_a_checksum_that_the_kernel_left_to_the_device_is_finished(offloaded, client, within6):
    peer = client(offloaded.install(**within6))
    wanted = datagrams(back=True)[0]
    pseudo = sum(struct.unpack("!16H", wanted[8:40])) + socket.IPPROTO_UDP + len(wanted) - 40
    half = (pseudo & 0xFFFF) + (pseudo >> 16)
    half = (half & 0xFFFF) + (half >> 16)
    unfinished = wanted[:46] + half.to_bytes(2, "big") + wanted[48:]
    offloaded.inside.send(struct.pack("=BBHHHH", NEEDS_CHECKSUM, 0, 0, 0, 40, 6) + unfinished)
    assert bytes(peer.open(offloaded.came_outside())) == wanted


@pytest.mark.parametrize("kind", [1, TCP_IPV6])
def test_a_segmentation_of_the_other_version_is_dropped(offloaded, ping, ping6, within6, kind):
    offloaded.install(**within6)
    version4 = kind == 1
    whole = as_one(segments(back=True), 72) if version4 else bytes(ping(back=True))
    offloaded.inside.send(struct.pack("=BBHHHH", NEEDS_CHECKSUM, kind, 72, MSS, 40, 16) + whole)
    assert offloaded.nothing_outside()
    offloaded.leave(ping6(back=True))
    assert offloaded.came_outside()
