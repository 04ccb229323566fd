"""Every suite in both directions, with scapy as the other end; recorded packets of real peers; native ESP."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import IPv4Network
from itertools import product
from pathlib import Path as File
from typing import Any

import pytest
from scapy.layers.inet import IP

from lotor.model.algorithms import Cipher, EspSuite, Integrity
from lotor.model.child import DirectionKeys
from lotor.model.secret import Secret

CBC = [
    (Cipher.AES_CBC, 128),
    (Cipher.AES_CBC, 192),
    (Cipher.AES_CBC, 256),
    (Cipher.TRIPLE_DES_CBC, 0),
    (Cipher.BLOWFISH_CBC, 128),
    (Cipher.BLOWFISH_CBC, 448),
    (Cipher.CAST_CBC, 128),
]
SUITES = [
    *(EspSuite(cipher, bits, integrity) for (cipher, bits), integrity in product(CBC, Integrity)),
    *(EspSuite(Cipher.AES_GCM_16, bits, None) for bits in (128, 192, 256)),
    EspSuite(Cipher.CHACHA20_POLY1305, 0, None),
]


@pytest.mark.parametrize("suite", SUITES, ids=str)
def test_scapy_opens_what_the_engine_seals_and_the_other_way_round(bench, client, ping, suite):
    peer = client(bench.install(suite=suite))
    for size in (0, 1, 13, 56, 1300):
        bench.arrive(peer.seal(ping(size)))
        assert bench.came_inside() == bytes(ping(size))
        bench.leave(ping(size, back=True))
        assert bytes(peer.open(bench.came_outside())) == bytes(ping(size, back=True))


def test_sequence_numbers_count_from_one_and_vectors_never_repeat(bench, ping):
    bench.install()
    datagrams = []
    for _ in range(100):
        bench.leave(ping(back=True))
        datagrams.append(bench.came_outside())
    assert [int.from_bytes(esp[4:8], "big") for esp in datagrams] == list(range(1, 101))
    assert len({esp[8:24] for esp in datagrams}) == 100


@pytest.mark.parametrize("suite", [suite for suite in SUITES if suite.integrity is None], ids=str)
def test_counter_mode_vectors_never_repeat(bench, ping, suite):
    bench.install(suite=suite)
    vectors = set()
    for _ in range(50):
        bench.leave(ping(back=True))
        vectors.add(bench.came_outside()[8:16])
    assert len(vectors) == 50


RECORDED = sorted((File(__file__).parents[1] / "vectors").glob("*/vector.json"))
ENCRYPTION = {"AES-CBC-128": 128, "AES-CBC-256": 256}
AUTHENTICATION = {"SHA1": Integrity.HMAC_SHA1, "SHA2-256": Integrity.HMAC_SHA256}


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.parent.name)
def test_recorded_packets_open_to_the_recorded_plaintext(bench, file):
    recording = json.loads(file.read_text())
    for number, association in enumerate(recording["esp_sas"], 1):
        bench.engine.install(recorded_child(bench, number, association))
    opened = 0
    for message in recording["messages"]:
        if "esp" in message:
            bench.arrive(bytes.fromhex(message["esp"]))
            assert bench.came_inside() == inner_packet(message)
            opened += 1
    assert opened == sum("esp" in message for message in recording["messages"])
    assert opened > 0 or not recording["esp_sas"]


def recorded_child(bench, number: int, association: dict[str, Any]):
    suite = EspSuite(Cipher.AES_CBC, ENCRYPTION[association["enc"]], AUTHENTICATION[association["auth"]])
    inbound = DirectionKeys(
        int(association["spi"], 16),
        Secret(bytes.fromhex(association["enc_key"])),
        Secret(bytes.fromhex(association["auth_key"])),
    )
    every = (IPv4Network("10.99.99.0/24"),)
    child = bench.child(suite=suite, local_networks=every, remote_networks=every)
    return replace(child, id=number, inbound=inbound, outbound=replace(inbound, spi=1000 + number))


def inner_packet(message: dict[str, Any]) -> bytes:
    plain = bytes.fromhex(message["esp_plain"])
    return plain[: IP(plain).len]
