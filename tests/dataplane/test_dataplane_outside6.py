"""IPv6 outside: the same tunnels on paths of IPv6, with either version inside; the traffic class of outer headers."""

from __future__ import annotations

import select
import socket
from ipaddress import IPv6Address

import pytest
from scapy.layers.inet import IP
from scapy.layers.inet6 import ICMPv6PacketTooBig, IPv6

from lotor.model.child import Encapsulation
from lotor.model.network import Path, Peer
from lotor.ports.esp import Moved

HEADERS = 48
"""Outer IPv6 and UDP."""
CONGESTED, ECT_0, ECT_1 = 3, 2, 1


def largest_inner(outer: int) -> int:
    """By hand for AES-CBC with HMAC-SHA1."""
    return (outer - HEADERS - 8 - 16 - 12) // 16 * 16 - 2


# The path


def test_either_version_passes_both_ways(bench6, client, ping, ping6, within6):
    for make, changes in ((ping, {}), (ping6, within6)):
        peer = client(bench6.install(**changes))
        for size in (0, 56, 1200):
            bench6.arrive(peer.seal(make(size)))
            assert bench6.came_inside() == bytes(make(size))
            bench6.leave(make(size, back=True))
            assert bytes(peer.open(bench6.came_outside())) == bytes(make(size, back=True))
        bench6.engine.remove(1)


def test_ike_passes_both_ways(bench6):
    bench6.arrive(bytes(4) + b"an ISAKMP message")
    bench6.wait(lambda: bench6.received)
    assert bench6.received == [(b"an ISAKMP message", bench6.path())]
    bench6.engine.transmit(b"an ISAKMP message", bench6.path())
    assert bench6.came_outside() == bytes(4) + b"an ISAKMP message"
    bench6.engine.transmit(b"\xff", bench6.path())
    assert bench6.came_outside() == b"\xff"


def test_both_versions_are_served_at_once(udp_socket, bench, client, ping):
    """One engine, two sockets: what came by one version is answered by it."""
    received: list[Path] = []
    with udp_socket() as four, udp_socket("::1") as six, udp_socket() as peer4, udp_socket("::1") as peer6:
        engine = bench.another(six, four)

        async def begin() -> None:
            engine.start(lambda _, path: received.append(path), bench.notices.append)

        bench.runner.run(begin())
        for peer, nat_t in ((peer4, four), (peer6, six)):
            peer.sendto(bytes(4) + b"x", nat_t.getsockname())
            bench.wait(lambda: received)
            path = received.pop()
            assert (path.local.port, path.remote.port) == (nat_t.getsockname()[1], peer.getsockname()[1])
            engine.transmit(b"back", path)
            assert select.select([peer], [], [], 60)[0]
            assert peer.recv(100) == bytes(4) + b"back"
        engine.stop()


def test_a_version_without_a_socket_is_refused(bench):
    path = Path(Peer(IPv6Address("::1"), 4500), Peer(IPv6Address("::1"), 4500), floated=True)
    with pytest.raises(OSError, match="Address family not supported"):
        bench.engine.transmit(b"hello", path)
    with pytest.raises(OSError, match="needs a listen address of IPv6"):
        bench.install(path=path, encapsulation=Encapsulation.NONE)


def test_the_address_that_was_asked_is_told_and_answers(udp_socket, bench):
    received: list[Path] = []
    with udp_socket("::") as nat_t, udp_socket("::1") as peer:
        engine = bench.another(nat_t)

        async def begin() -> None:
            engine.start(lambda _, path: received.append(path), bench.notices.append)

        bench.runner.run(begin())
        peer.sendto(bytes(4) + b"x", ("::1", nat_t.getsockname()[1]))
        bench.wait(lambda: received)
        assert received[0].local == Peer(IPv6Address("::1"), nat_t.getsockname()[1])
        engine.transmit(b"back", received[0])
        assert peer.recvfrom(100)[1][:2] == ("::1", nat_t.getsockname()[1])
        engine.stop()


def test_follows_an_authentic_packet_to_its_new_port(bench6, client, ping, udp_socket):
    peer = client(bench6.install())
    with udp_socket("::1") as moved, udp_socket("::1") as thief:
        good = peer.seal(ping(), sequence=10)
        bench6.arrive(good, peer=moved)
        bench6.came_inside()
        bench6.wait(lambda: bench6.notices)
        assert bench6.notices == [Moved(1, bench6.path(moved).remote)]
        bench6.arrive(good, peer=thief)
        bench6.arrive(peer.seal(ping(), sequence=9))
        bench6.came_inside()
        bench6.leave(ping(back=True))
        assert peer.open(moved.recv(2000)).dst == "10.99.99.1"
        assert len(bench6.notices) == 1


def test_no_packet_moves_a_path_to_the_other_version(udp_socket, bench, client, ping):
    with udp_socket("::1") as six, udp_socket("::1") as peer6, udp_socket() as four:
        engine = bench.another(four, six)

        async def begin() -> None:
            engine.start(lambda *_: None, bench.notices.append)

        bench.runner.run(begin())
        child = bench.child()
        engine.install(child)
        peer6.sendto(client(child).seal(ping()), six.getsockname())
        assert bench.came_inside() == bytes(ping())
        bench.rest()
        assert bench.notices == []
        engine.stop()


# Sizes


@pytest.mark.parametrize("limit", [552, 1000, 1280, 1499, None])
def test_no_outer_datagram_is_larger_than_esp_frag(bench6, client, ping, limit):
    peer = client(bench6.install(esp_frag=limit))
    bench6.leave(ping(3000, back=True))
    pieces = [bench6.came_outside()]
    while peer.open(pieces[-1]).flags.MF:
        pieces.append(bench6.came_outside())
    assert max(len(piece) + HEADERS for piece in pieces) <= (limit or 1500)
    assert len(peer.open(pieces[0])) > largest_inner(limit or 1500) - 8
    assert b"".join(bytes(peer.open(piece).payload) for piece in pieces) == bytes(ping(3000, back=True).payload)


def test_a_path_that_changes_its_version_changes_the_sizes(bench, ping6, within6):
    bench.install(**within6)
    path = Path(Peer(IPv6Address("::1"), 4500), Peer(IPv6Address("::1"), 4500), floated=True)
    for way, headers in ((path, 48), (bench.path(), 28)):
        bench.engine.move(1, way)
        bench.leave(ping6(1450, back=True))
        told = IPv6(bench.came_inside())[ICMPv6PacketTooBig].mtu
        assert told == (1500 - headers - 8 - 16 - 12) // 16 * 16 - 2


def test_datagrams_of_one_length_leave_and_arrive_together(bench6, client, ping, udp_socket):
    """As many as a batch holds, and more."""
    peer = client(bench6.install())
    sent = [ping(900, back=True, id=number) for number in range(150)]
    for packet in sent:
        bench6.leave(packet)
    assert [bytes(peer.open(bench6.came_outside())) for _ in sent] == [bytes(packet) for packet in sent]


# Traffic class


def classes(anywhere, child_peer, packet, outer: int) -> bytes:
    """What comes inside when the outer header has that class."""
    level, name = (socket.IPPROTO_IPV6, 67) if ":" in anywhere.peer.getsockname()[0] else (socket.IPPROTO_IP, 1)
    anywhere.peer.setsockopt(level, name, outer)
    anywhere.arrive(child_peer.seal(packet))
    return anywhere.came_inside()


def test_marks_of_the_outside_come_in(anywhere, client, ping, ping6, within6):
    peer = client(anywhere.install())
    assert IP(classes(anywhere, peer, ping(tos=0x28 | ECT_0), 0xB8 | CONGESTED)).tos == 0x28 | CONGESTED
    assert classes(anywhere, peer, ping(tos=ECT_0), ECT_0) == bytes(ping(tos=ECT_0))
    assert classes(anywhere, peer, ping(tos=0x28 | ECT_0), ECT_1) == bytes(ping(tos=0x28 | ECT_1))
    anywhere.engine.remove(1)
    peer = client(anywhere.install(**within6))
    assert classes(anywhere, peer, ping6(tc=ECT_1), CONGESTED) == bytes(ping6(tc=CONGESTED))
    anywhere.arrive(peer.seal(ping6(tc=0x28)))  # its ends know no marks
    assert anywhere.nothing_inside()
    assert anywhere.engine.counters(1).misdirected == 0


def test_the_dscp_goes_out_and_the_marks_stay_inside(anywhere, client, ping, ping6, within6):
    peer = client(anywhere.install())
    six = ":" in anywhere.peer.getsockname()[0]
    anywhere.peer.setsockopt(*((socket.IPPROTO_IPV6, 66, 1) if six else (socket.IPPROTO_IP, 13, 1)))
    sent = [ping(back=True, tos=tos) for tos in (0, 0xB8, 0xB8 | ECT_0, CONGESTED, 0x28)]
    for packet in sent:
        anywhere.leave(packet)
    for packet in sent:
        anywhere.peer.settimeout(60)
        sealed, control, _, _ = anywhere.peer.recvmsg(2000, 100)
        assert int.from_bytes(control[0][2], "little") == packet.tos & ~3
        assert bytes(peer.open(sealed)) == bytes(packet)


# Native ESP


@pytest.mark.root
def test_native_esp_travels_as_protocol_50(bench6, client, ping, ping6, within6):
    native = bench6.path().to(Peer(IPv6Address("::1"), 500))
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, 50) as raw:
        raw.settimeout(60)
        for make, changes in ((ping, {}), (ping6, within6)):
            peer = client(bench6.install(encapsulation=Encapsulation.NONE, path=native, **changes))
            bench6.leave(make(back=True))
            sealed, source = raw.recvfrom(2000)
            assert source[0] == "::1"
            assert bytes(peer.open(sealed)) == bytes(make(back=True))
            raw.sendto(peer.seal(make(), sequence=70), ("::1", 0))
            assert bench6.came_inside() == bytes(make())
            assert raw.recv(2000)  # our own
            bench6.engine.remove(1)
