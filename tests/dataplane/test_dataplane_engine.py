"""The engine as the runtime meets it: IKE, notices, rekeying, many tunnels, start and stop."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import time
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path as File

import pytest
from scapy.layers.inet import IP

from lotor.dataplane.spis import PROMISED_FOR, Spis
from lotor.dataplane.userspace.records import parse
from lotor.model.algorithms import Cipher, EspSuite
from lotor.model.child import DirectionKeys, Encapsulation, Lifetime
from lotor.model.network import Path, Peer
from lotor.model.secret import Secret
from lotor.ports.esp import Broken, Expired, Moved, Strange


def other(keys: DirectionKeys, spi: int) -> DirectionKeys:
    return replace(keys, spi=spi)


# IKE


def test_ike_comes_without_its_marker_and_with_its_path(bench):
    bench.arrive(bytes(4) + b"an ISAKMP message")
    bench.wait(lambda: bench.received)
    assert bench.received == [(b"an ISAKMP message", bench.path())]
    assert bench.received[0][1].floated


def test_ike_leaves_with_its_marker_but_a_keepalive_without(bench):
    bench.engine.transmit(b"an ISAKMP message", bench.path())
    assert bench.came_outside() == bytes(4) + b"an ISAKMP message"
    bench.engine.transmit(b"\xff", bench.path())
    assert bench.came_outside() == b"\xff"


def test_a_large_ike_message_passes_whole(bench):
    message = os.urandom(60_000)
    bench.arrive(bytes(4) + message)
    bench.wait(lambda: bench.received)
    assert bench.received[0][0] == message


def test_datagrams_leave_from_the_address_of_their_path(udp_socket, bench, ping):
    with udp_socket("0.0.0.0") as nat_t:
        engine = bench.another(nat_t)
        path = Path(Peer(IPv4Address("127.0.0.77"), 4500), bench.path().remote)
        engine.transmit(b"hello", path)
        assert bench.peer.recvfrom(100)[1] == ("127.0.0.77", nat_t.getsockname()[1])
        engine.stop()


def test_the_address_that_was_asked_is_told(udp_socket, bench):
    received = []
    with udp_socket("0.0.0.0") as nat_t:
        engine = bench.another(nat_t)

        async def begin() -> None:
            engine.start(lambda _, path: received.append(path.local), bench.notices.append)

        bench.runner.run(begin())
        bench.peer.sendto(bytes(4) + b"x", ("127.0.0.78", nat_t.getsockname()[1]))
        bench.wait(lambda: received)
        assert received == [Peer(IPv4Address("127.0.0.78"), nat_t.getsockname()[1])]
        engine.stop()


def test_a_datagram_that_cannot_leave_is_an_error(bench):
    nowhere = bench.path().to(Peer(IPv4Address("255.255.255.255"), 4500))
    with pytest.raises(OSError, match=r"."):
        bench.engine.transmit(b"hello", nowhere)


def test_packets_of_no_pair_are_told_a_few_times_with_where_they_came_from(bench):
    packet = (0x12345678).to_bytes(4, "big") + (1).to_bytes(4, "big") + bytes(80)
    for _ in range(50):
        bench.arrive(packet)
    bench.arrive(bytes(4) + b"the last")
    bench.wait(lambda: bench.received)
    assert set(bench.notices) == {Strange(0x12345678, bench.path(), len(packet))}
    assert len(bench.notices) < 10


@pytest.mark.parametrize("packet", [b"", b"\xff", bytes(3), b"\0\0\0\xff" + bytes(60), b"\x12\x34\x56\x78\0\0\0"])
def test_what_is_no_esp_packet_is_told_nobody(bench, packet):
    bench.arrive(packet)
    bench.arrive(bytes(4) + b"the last")
    bench.wait(lambda: bench.received)
    assert bench.notices == []


def test_a_flood_of_ike_loses_messages_but_no_notice(bench):
    """Nobody reads while the flood fills the way to the event loop; the notice waits for room."""
    for _ in range(5000):
        bench.arrive(bytes(4) + bytes(1000))
    bench.install(lifetime=Lifetime(soft_seconds=0.0))
    bench.wait(lambda: bench.notices)
    assert bench.notices == [Expired(1, hard=False)]
    assert 0 < len(bench.received) <= 5000


@pytest.mark.root
def test_no_datagram_forbids_fragmentation(bench, ping):
    """With DF a path with a smaller MTU would swallow what fits nowhere."""
    bench.install()
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as wire:
        wire.settimeout(60)
        bench.engine.transmit(b"hello", bench.path())
        bench.leave(ping(back=True))
        seen = []
        while len(seen) < 2:
            packet = IP(wire.recv(2000))
            if packet.dport == bench.peer.getsockname()[1]:
                seen.append(int(packet.flags))
    assert seen == [0, 0]


# Moving peers


def test_follows_an_authentic_packet_to_its_new_address(bench, client, ping, udp_socket):
    peer = client(bench.install())
    with udp_socket() as moved:
        bench.arrive(peer.seal(ping(), sequence=10), peer=moved)
        bench.came_inside()
        bench.wait(lambda: bench.notices)
        assert bench.notices == [Moved(1, bench.path(moved).remote)]
        bench.leave(ping(back=True))
        assert peer.open(moved.recv(2000)).dst == "10.99.99.1"
        bench.arrive(peer.seal(ping(), sequence=9))  # late, from the old address
        bench.came_inside()
        bench.leave(ping(back=True))
        assert moved.recv(2000)
        assert len(bench.notices) == 1


def test_nobody_moves_a_tunnel_without_its_keys(bench, client, ping, udp_socket):
    peer = client(bench.install())
    good = peer.seal(ping())
    bench.arrive(good)
    bench.came_inside()
    with udp_socket() as thief:
        bench.arrive(good, peer=thief)
        bench.arrive(good[:4] + b"\0\0\1\0" + good[8:], peer=thief)
        bench.rest()
    bench.leave(ping(back=True))
    assert bench.came_outside()
    assert bench.notices == []


def test_move_changes_where_packets_go(bench, client, ping, udp_socket):
    bench.install()
    with udp_socket() as moved:
        bench.engine.move(1, bench.path(moved))
        bench.engine.move(77, bench.path(moved))
        bench.leave(ping(back=True))
        assert moved.recv(2000)


# Lifetimes


def test_lifetimes_by_time_are_told_and_the_last_one_ends_the_pair(bench, client, ping):
    peer = client(bench.install(lifetime=Lifetime(soft_seconds=0.05, hard_seconds=1.0)))
    bench.wait(lambda: len(bench.notices) == 2)
    assert bench.notices == [Expired(1, hard=False), Expired(1, hard=True)]
    bench.arrive(peer.seal(ping()))
    bench.leave(ping(back=True))
    assert bench.nothing_inside()
    assert bench.nothing_outside()


def test_lifetimes_by_volume(bench, client, ping):
    peer = client(bench.install(lifetime=Lifetime(soft_octets=200, hard_octets=400)))
    for _ in range(4):
        bench.arrive(peer.seal(ping(72)))
        bench.came_inside()
    bench.wait(lambda: len(bench.notices) == 2)
    assert bench.notices == [Expired(1, hard=False), Expired(1, hard=True)]
    bench.arrive(peer.seal(ping()))
    assert bench.nothing_inside()


def test_no_lifetime_tells_nothing(bench, client, ping):
    bench.install()
    bench.leave(ping(back=True))
    bench.came_outside()
    bench.rest()
    assert bench.notices == []


# Rekeying


def test_a_new_pair_takes_over_and_the_old_one_still_receives(bench, client, ping):
    old = bench.install()
    new = replace(old, id=2, inbound=other(old.inbound, 2000), outbound=other(old.outbound, 2001), replaces=1)
    bench.engine.install(new)
    bench.leave(ping(back=True))
    assert bench.came_outside()[:4] == (2001).to_bytes(4, "big")
    for child in (old, new):
        bench.arrive(client(child).seal(ping()))
        assert bench.came_inside() == bytes(ping())
    bench.engine.remove(1)
    bench.leave(ping(back=True))
    assert bench.came_outside()[:4] == (2001).to_bytes(4, "big")


def test_a_pair_that_does_not_send_yet_receives_until_it_is_activated(bench, client, ping):
    old = bench.install()
    new = replace(
        old, id=2, inbound=other(old.inbound, 2000), outbound=other(old.outbound, 2001), replaces=1, sending=False
    )
    bench.engine.install(new)
    bench.arrive(client(new).seal(ping()))
    assert bench.came_inside() == bytes(ping())
    bench.leave(ping(back=True))
    assert bench.came_outside()[:4] == old.outbound.spi.to_bytes(4, "big")
    bench.engine.activate(2)
    bench.leave(ping(back=True))
    assert bench.came_outside()[:4] == (2001).to_bytes(4, "big")


def test_packets_that_come_before_their_pair_wait_for_it_where_another_pair_leads(bench, client, ping):
    """A peer that agreed to a pair sends with it while this end still reads the answer."""
    old = bench.install()
    new = replace(old, id=2, inbound=other(old.inbound, 2000), outbound=other(old.outbound, 2001), replaces=1)
    sealed = client(new)
    for _ in range(3):
        bench.arrive(sealed.seal(ping()))
    bench.wait(lambda: bench.notices)
    bench.engine.install(new)
    assert [bench.came_inside() for _ in range(3)] == [bytes(ping())] * 3


def test_packets_wait_for_no_pair_where_none_leads_to_their_sender(bench, client, ping):
    """Nor does what nothing proves come in with the pair: only its own packets open."""
    new = bench.child()
    bench.arrive(client(new).seal(ping()))
    bench.wait(lambda: bench.notices)
    bench.engine.install(new)
    assert bench.nothing_inside()
    other_pair = replace(new, id=2, inbound=other(new.inbound, 2000), outbound=other(new.outbound, 2001), replaces=1)
    forged = (2000).to_bytes(4, "big") + (1).to_bytes(4, "big") + bytes(80)
    told = len(bench.notices)
    bench.arrive(forged)
    bench.arrive(bytes(4) + b"the last")
    bench.wait(lambda: bench.received or len(bench.notices) > told)
    bench.engine.install(other_pair)
    assert bench.nothing_inside()
    assert bench.engine.counters(2).forged == 1


def test_many_tunnels_share_the_device_and_the_socket(bench, client, ping, udp_socket):
    first = bench.child()
    children = [
        replace(
            first,
            id=number,
            inbound=other(first.inbound, 1000 + number),
            outbound=other(first.outbound, 5000 + number),
            remote_networks=(IPv4Network(f"10.99.99.{number}"),),
        )
        for number in range(1, 100)
    ]
    for child in children:
        bench.engine.install(child)
    for number in (1, 50, 99):
        bench.leave(ping(back=True, dst=f"10.99.99.{number}"))
        assert bench.came_outside()[:4] == (5000 + number).to_bytes(4, "big")
        peer = client(children[number - 1])
        bench.arrive(peer.seal(ping(src=f"10.99.99.{number}")))
        assert IP(bench.came_inside()).src == f"10.99.99.{number}"
        bench.arrive(peer.seal(ping(src="10.99.99.100")))
    assert bench.nothing_inside()


def test_the_longest_prefix_wins(bench, ping):
    narrow = bench.install()
    whole = replace(narrow, id=2, inbound=other(narrow.inbound, 2000), outbound=other(narrow.outbound, 2001))
    bench.engine.install(replace(whole, remote_networks=(IPv4Network("0.0.0.0/0"),)))
    bench.leave(ping(back=True))
    assert bench.came_outside()[:4] == narrow.outbound.spi.to_bytes(4, "big")
    bench.leave(ping(back=True, dst="10.1.1.1"))
    assert bench.came_outside()[:4] == (2001).to_bytes(4, "big")


# Counters and refusals


def test_counters_count_inner_octets(bench, client, ping):
    peer = client(bench.install())
    bench.arrive(peer.seal(ping(72)))
    bench.came_inside()
    bench.leave(ping(172, back=True))
    bench.came_outside()
    bench.wait(lambda: bench.engine.counters(1).packets_out)
    counters = bench.engine.counters(1)
    assert (counters.octets_in, counters.packets_in) == (100, 1)
    assert (counters.octets_out, counters.packets_out) == (200, 1)
    assert bench.engine.counters(2) is None


def test_newcomer_5_the_last_good_packet_has_one_instant_however_often_it_is_asked_for(bench, client, ping):
    """Two clocks read one after the other would make a newer packet of it each time."""
    peer = client(bench.install())
    assert bench.engine.counters(1).last_inbound is None
    before = time.monotonic()
    bench.arrive(peer.seal(ping()))
    bench.came_inside()
    after = time.monotonic()
    told = {bench.engine.counters(1).last_inbound for _ in range(100)}
    assert len(told) == 1
    assert before <= told.pop() <= after


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"inbound": DirectionKeys(255, Secret(bytes(16)), Secret(bytes(20)))}, "SPI 255 is reserved"),
        ({"inbound": DirectionKeys(256, Secret(bytes(32)), Secret(bytes(20)))}, "encryption key has 32 octets"),
        ({"inbound": DirectionKeys(256, Secret(bytes(16)), Secret(b""))}, "integrity key has 0 octets"),
    ],
)
def test_impossible_pairs_are_refused_with_a_sentence(bench, changes, text):
    with pytest.raises(OSError, match=text):
        bench.engine.install(replace(bench.child(), **changes))
    assert bench.engine.counters(1) is None


def test_encryption_without_integrity_is_refused(bench):
    child = bench.child()
    suite = EspSuite(Cipher.AES_CBC, 128, None)
    with pytest.raises(OSError, match="no ESP suite"):
        bench.engine.install(replace(child, suite=suite, inbound=replace(child.inbound, integrity=Secret(b""))))


def test_numbers_are_used_once(bench):
    child = bench.install()
    with pytest.raises(OSError, match="installed already"):
        bench.engine.install(child)
    with pytest.raises(OSError, match="belongs to another"):
        bench.engine.install(replace(child, id=2))
    bench.engine.remove(1)
    bench.engine.remove(1)
    bench.engine.install(child)


# SPIs


def test_spis_are_random_and_never_reserved_ones(bench):
    spis = {bench.engine.reserve_spi() for _ in range(2000)}
    assert len(spis) == 2000
    assert min(spis) >= 256
    assert max(spis) > 1 << 31


def test_an_spi_is_promised_for_a_minute_then_free(monkeypatch):
    now = 0.0
    draws = iter([10, 10, 11, 10, 10, 12])
    monkeypatch.setattr("secrets.randbelow", lambda _: next(draws))
    spis = Spis(lambda: now)
    assert [spis.reserve(), spis.reserve()] == [266, 267]
    now = PROMISED_FOR + 1
    assert spis.reserve() == 266
    spis.use(1, 266)
    now *= 3
    assert spis.reserve() == 268
    spis.free(1)


# Start and stop


def test_start_and_stop_may_be_repeated_and_leave_descriptors_to_their_owner(bench):
    bench.start()
    for _ in range(3):
        bench.engine.stop()
    bench.engine.remove(1)
    assert bench.nat_t.getsockname()[1] > 0
    os.fstat(bench.engine.tun.fd)
    with pytest.raises(OSError, match="was stopped"):
        bench.start()


def test_nothing_is_carried_after_stop(bench, client, ping):
    peer = client(bench.install())
    bench.engine.stop()
    bench.arrive(peer.seal(ping()))
    assert bench.nothing_inside()


def test_engines_leave_no_descriptors_and_threads_behind(bench, udp_socket):
    def inventory() -> tuple[int, int]:
        gc.collect()
        return len(list(File("/proc/self/fd").iterdir())), len(list(File("/proc/self/task").iterdir()))

    async def once() -> None:
        engine = bench.another(nat_t)
        engine.start(lambda *_: None, lambda _: None)
        await engine.whole.stop()

    before = inventory()
    for _ in range(20):
        with udp_socket() as nat_t:
            asyncio.run(once())
    descriptors, threads = inventory()
    assert descriptors <= before[0]
    assert threads <= before[1], "of another test some may have ended meanwhile"


def test_a_device_that_goes_away_is_told_once(bench):
    bench.inside.close()
    bench.wait(lambda: bench.notices)
    assert bench.notices == [Broken("the TUN device is gone")]
    bench.engine.remove(1)


def test_one_udp_socket_of_each_ip_version_serves(bench, udp_socket):
    with (
        udp_socket() as second,
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as third,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger,
    ):
        for wrong in ((), (bench.nat_t, second), (bench.nat_t, stranger), (third, third)):
            with pytest.raises(OSError, match="a NAT traversal socket of IPv4, one of IPv6, or one of each"):
                bench.another(*wrong)
        bench.another(third).stop()


def test_records_of_unknown_kind_are_refused():
    with pytest.raises(ValueError, match="unknown kind 9"):
        parse(b"\x09" + bytes(8))


# Native ESP


def test_native_esp_without_permission_says_what_to_do(bench, monkeypatch):
    def refuse(*_: object) -> socket.socket:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(socket, "socket", refuse)
    with pytest.raises(OSError, match="CAP_NET_RAW, or set `nat_traversal force`"):
        bench.install(encapsulation=Encapsulation.NONE)
    assert bench.engine.counters(1) is None


@pytest.mark.root
def test_a_pair_moves_between_udp_and_native_esp(bench, client, ping):
    """Each time in the form of the new path alone, and with the numbers that it had. Engines of tests beside this one
    hear its native ESP, too: it has SPIs and an address of its own."""
    keys, own = bench.child(), int(bench.framed)
    spis = {"inbound": other(keys.inbound, 3000 + own), "outbound": other(keys.outbound, 3002 + own)}
    there, in_udp = f"127.0.0.{10 + own}", bench.path()
    peer = client(bench.install(**spis))
    native = replace(in_udp.to(Peer(IPv4Address(there), 500)), floated=False)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, 50) as raw:
        raw.bind((there, 0))
        raw.settimeout(60)
        for turn, path in enumerate((native, in_udp, native)):
            bench.runner.run(bench.engine.whole.prepare(Encapsulation.along(path), 4))
            bench.engine.move(1, path)
            bench.leave(ping(back=True))
            sealed = bench.came_outside() if path.floated else bytes(IP(raw.recv(2000)).payload)
            assert int.from_bytes(sealed[4:8], "big") == turn + 1
            assert bytes(peer.open(sealed)) == bytes(ping(back=True))
            arrive = {True: bench.arrive, False: lambda sealed: raw.sendto(sealed, ("127.0.0.1", 0))}
            sealed = bytes(peer.seal(ping(), sequence=turn + 1))
            arrive[not path.floated](sealed)
            assert bench.nothing_inside()
            arrive[path.floated](sealed)
            assert bench.came_inside() == bytes(ping())
    assert bench.notices == []
    assert bench.engine.counters(1).packets_in == 3


@pytest.mark.root
def test_native_esp_travels_as_protocol_50(bench, client, ping):
    native = bench.path().to(Peer(IPv4Address("127.0.0.9"), 500))
    peer = client(bench.install(encapsulation=Encapsulation.NONE, path=native))
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, 50) as raw:
        raw.bind(("127.0.0.9", 0))
        raw.settimeout(60)
        bench.leave(ping(back=True))
        outer = IP(raw.recv(2000))
        assert (outer.src, outer.dst, outer.proto, int(outer.flags)) == ("127.0.0.1", "127.0.0.9", 50, 0)
        assert bytes(peer.open(bytes(outer.payload))) == bytes(ping(back=True))
        sealed = peer.seal(ping())
        bench.arrive(sealed)  # in UDP: not how this pair travels
        assert bench.nothing_inside()
        raw.sendto(sealed, ("127.0.0.1", 0))
        assert bench.came_inside() == bytes(ping())
