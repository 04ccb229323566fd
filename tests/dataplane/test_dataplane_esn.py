"""Extended sequence numbers of 64 bits (RFC 4303 §2.2.1) with scapy as the other end; `rust/esp` tests what lies behind
the end of the lower half on the way out."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network

import pytest
from scapy.layers.inet import IP

import recordings_v2 as recordings
from lotor.model.algorithms import Cipher, EspSuite, Integrity
from lotor.model.child import DirectionKeys
from lotor.model.secret import Secret

SUITES = [
    *(EspSuite(Cipher.AES_CBC, 128, integrity) for integrity in Integrity),
    EspSuite(Cipher.TRIPLE_DES_CBC, 0, Integrity.HMAC_SHA1),
    *(EspSuite(Cipher.AES_GCM_16, bits, None) for bits in (128, 256)),
    EspSuite(Cipher.CHACHA20_POLY1305, 0, None),
]
LAST = 0xFFFF_FFFF


@pytest.fixture
def extended(bench, client):
    """An SA pair with extended numbers, and its other end."""

    def make(suite: EspSuite, **changes: object):
        peer = client(bench.install(suite=suite, esn=True, **changes))
        for direction in (peer.seals, peer.opens):
            direction.esn_en = True
        return peer

    return make


@pytest.mark.parametrize("suite", SUITES, ids=str)
def test_scapy_opens_what_the_engine_seals_and_the_other_way_round(bench, extended, ping, suite):
    peer = extended(suite)
    for size in (0, 13, 1300):
        bench.arrive(peer.seal(ping(size)))
        assert bench.came_inside() == bytes(ping(size))
        bench.leave(ping(size, back=True))
        assert bytes(peer.open(bench.came_outside())) == bytes(ping(size, back=True))


@pytest.mark.parametrize("suite", SUITES, ids=str)
def test_the_upper_half_is_guessed_and_proved(bench, extended, ping, suite):
    peer = extended(suite)

    def seal(number: int) -> bytes:
        peer.seals.esn = number >> 32
        return peer.seal(ping(number % 50), number & LAST)

    for number in (1, LAST - 3, LAST, LAST + 6, LAST + 1, LAST - 2, LAST + LAST // 2, 2 * LAST):
        bench.arrive(seal(number))
        assert bench.came_inside() == bytes(ping(number % 50))
    for number in (2 * LAST, LAST, LAST + 6, 5 * LAST):
        bench.arrive(seal(number))
    bench.wait(lambda: bench.engine.counters(1).replayed + bench.engine.counters(1).forged == 4)
    assert bench.nothing_inside()
    counters = bench.engine.counters(1)
    assert (counters.packets_in, counters.replayed) == (8, 1)
    assert counters.lost == 2 * LAST - 8


@pytest.mark.parametrize("suite", SUITES, ids=str)
@pytest.mark.parametrize("ours", [True, False])
def test_one_end_alone_has_no_use_for_it(bench, client, ping, suite, ours):
    """A CBC packet of an end without it is one whose proof lacks four octets; an AEAD's as well."""
    peer = client(bench.install(suite=suite, esn=ours))
    peer.seals.esn_en = not ours
    bench.arrive(peer.seal(ping()))
    bench.wait(lambda: bench.engine.counters(1).forged == 1)
    assert bench.nothing_inside()


# Recorded SA pairs of IKEv2


@pytest.mark.parametrize("name", recordings.NAMES)
def test_recorded_packets_of_ikev2_open(bench, name):
    recording = recordings.load(name)
    number = 0
    for association in recording["child_sas"]:
        for spi, way in (("spi_i", "r"), ("spi_r", "i")):
            number += 1
            bench.engine.install(recorded_child(bench, number, association, spi, way))
    packets = [each for each in recording["messages"] if "esp" in each]
    for packet in packets:
        bench.arrive(bytes.fromhex(packet["esp"]))
        plain = bytes.fromhex(packet["esp_plain"])
        assert bench.came_inside() == plain[: IP(plain).len]
    assert bool(packets) == bool(recording["child_sas"])


def recorded_child(bench, number: int, association: dict, spi: str, way: str):
    keys = map(Secret, recordings.octets(association, f"encr_{way}", f"auth_{way}"))
    inbound = DirectionKeys(int(association[spi], 16), *keys)
    every = (IPv4Network("0.0.0.0/0"),)
    suite = recordings.esp_suite(association["transforms"])
    child = bench.child(suite=suite, local_networks=every, remote_networks=every)
    esn = [5, 1, None] in association["transforms"]
    return replace(child, id=number, inbound=inbound, outbound=replace(inbound, spi=1000 + number), esn=esn)
