"""What must not come out of a tunnel: forged, repeated, misdirected, malformed; every refusal is silent."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from scapy.layers.inet import IP
from scapy.layers.ipsec import ESP

from lotor.model.algorithms import Cipher, EspSuite, Integrity
from lotor.model.child import Counters
from lotor.ports.esp import Strange

SUITES = [
    EspSuite(Cipher.AES_CBC, 128, Integrity.HMAC_SHA1),
    EspSuite(Cipher.AES_CBC, 256, Integrity.HMAC_SHA256),
    EspSuite(Cipher.TRIPLE_DES_CBC, 0, Integrity.HMAC_MD5),
    EspSuite(Cipher.AES_GCM_16, 128, None),
]


def counters(bench) -> Counters:
    found = bench.engine.counters(1)
    assert found is not None
    return found


@pytest.mark.parametrize("suite", SUITES, ids=str)
def test_a_flipped_bit_anywhere_is_met_with_silence(bench, client, ping, suite):
    peer = client(bench.install(suite=suite))
    good = peer.seal(ping(), sequence=50)
    for place in range(4, len(good)):
        forged = bytearray(good)
        forged[place] ^= 1 << (place % 8)
        bench.arrive(bytes(forged))
    assert bench.nothing_inside()
    assert bench.nothing_outside()
    assert counters(bench).forged == len(good) - 4
    assert counters(bench).last_inbound is None
    bench.arrive(good)  # none of them moved the window
    assert bench.came_inside() == bytes(ping())


@pytest.mark.parametrize("suite", SUITES, ids=str)
def test_every_other_length_is_met_with_silence(bench, client, ping, suite):
    good = client(bench.install(suite=suite)).seal(ping())
    for size in range(2, len(good)):
        bench.arrive(good[:size])
    bench.arrive(good + b"\0")
    bench.arrive(good + bytes(16))
    assert bench.nothing_inside()
    assert counters(bench).packets_in == 0


def test_padding_that_does_not_count_is_dropped_though_authentic(bench, client, ping, monkeypatch):
    peer = client(bench.install())
    pad = peer.seals.crypt_algo.pad

    def pad_with_zeros(plain):
        plain = pad(plain)
        plain.padding = bytes(len(plain.padding))
        return plain

    with monkeypatch.context() as patch:
        patch.setattr(peer.seals.crypt_algo, "pad", pad_with_zeros)
        bench.arrive(peer.seal(ping(), sequence=1))
    assert bench.nothing_inside()
    assert counters(bench).misdirected == 1
    bench.arrive(peer.seal(ping(), sequence=2))
    assert bench.came_inside() == bytes(ping())


def test_a_repeated_packet_is_dropped_and_counted(bench, client, ping):
    packet = client(bench.install()).seal(ping())
    for _ in range(20):
        bench.arrive(packet)
    bench.came_inside()
    assert bench.nothing_inside()
    assert counters(bench).replayed == 19


def test_the_edges_of_the_replay_window(bench, client, ping):
    peer = client(bench.install())
    fresh, replayed = [5000, 5000 - 1023, 4999, 5001, 5001 - 1023], [5000, 3976, 0, 5001 - 1024, 4999]
    for sequence in fresh:
        bench.arrive(peer.seal(ping(), sequence=sequence))
        bench.came_inside()
    for sequence in replayed:
        bench.arrive(peer.seal(ping(), sequence=sequence))
    assert bench.nothing_inside()
    assert counters(bench).replayed == len(replayed)


def test_reserved_and_unknown_spis_are_met_with_silence(bench, client, ping):
    packet = client(bench.install()).seal(ping())
    for spi in (*range(1, 256), 256, 0x11223345, 0xFFFFFFFF):
        bench.arrive(spi.to_bytes(4, "big") + packet[4:])
    bench.rest()
    assert bench.nothing_inside()
    assert bench.nothing_outside()
    assert bench.received == []
    assert counters(bench) == Counters()


@pytest.mark.parametrize(
    "ends",
    [
        {"src": "10.99.99.2"},
        {"dst": "10.99.99.201"},
        {"src": "127.0.0.1"},
        {"src": "10.99.99.200", "dst": "10.99.99.1"},
        {"dst": "255.255.255.255"},
    ],
    ids=str,
)
def test_inner_addresses_must_be_those_of_the_tunnel(bench, client, ping, ends):
    peer = client(bench.install())
    bench.arrive(peer.seal(ping(**ends)))
    assert bench.nothing_inside()
    assert bench.nothing_outside()
    assert counters(bench).misdirected == 1


@pytest.mark.parametrize(
    "change", [{"version": 6}, {"ihl": 4}, {"ihl": 15, "len": 30}, {"len": 19}, {"len": 2000}], ids=str
)
def test_inner_headers_must_be_possible(bench, client, ping, change):
    peer = client(bench.install())
    inner = ping()
    for name, value in change.items():
        setattr(inner, name, value)
    bench.arrive(peer.seal(inner))
    assert bench.nothing_inside()
    assert counters(bench).misdirected == 1


def test_keepalives_and_noise_are_met_with_silence(bench):
    bench.install()
    noise = random.Random(4)
    for datagram in (b"\xff", b"", b"\xff" * 2, b"\x01", b"\0\0\0", *(noise.randbytes(size) for size in range(1, 300))):
        bench.arrive(datagram if not datagram.startswith(bytes(4)) else b"\x01")
    bench.rest()
    assert bench.received == []
    assert {type(each) for each in bench.notices} <= {Strange}
    assert len(bench.notices) < 10, "of what has an SPI a little is told to this side, and nothing to the sender"
    assert bench.nothing_outside()


def test_only_packets_between_the_networks_leave(bench, ping):
    bench.install()
    for packet in (
        ping(back=True, src="10.99.99.201"),
        ping(back=True, dst="10.99.99.2"),
        ping(back=True, version=6),
        b"\x45",
        bytes(ping(back=True))[:30],
    ):
        bench.leave(packet)
    assert bench.nothing_outside()
    assert counters(bench).packets_out == 0


def test_dummies_prove_life_and_come_out_nowhere(bench, client):
    peer = client(bench.install())
    dummy = IP(src="192.0.2.1", dst="192.0.2.2", proto=59) / b"anything"
    peer.seals.tunnel_header = None
    bench.arrive(bytes(peer.seals.encrypt(dummy)[ESP]))
    bench.wait(lambda: counters(bench).last_inbound is not None)
    assert bench.nothing_inside()
    assert counters(bench).misdirected == 0


def test_memory_stays_flat_under_garbage_and_churn(bench, client, ping):
    packet = client(bench.child()).seal(ping())

    def churn(rounds: int) -> None:
        for _ in range(rounds):
            bench.install()
            for _ in range(20):
                bench.arrive(packet[:-1] + b"\x99")
            bench.engine.remove(1)
        bench.rest()

    churn(300)
    before = resident()
    churn(1500)
    assert resident() - before < 2 << 20


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
