"""scapy, the recorded packets and Wireshark against the fast path: many packets are cut, sealed, opened and joined at
once."""

from __future__ import annotations

import json
import random
from itertools import product

import pytest

from dataplane.test_dataplane_suites import RECORDED, SUITES, inner_packet, recorded_child
from dataplane.trains import KINDS, VNET, as_one, carry, cut, ip, judged, stream, together


@pytest.fixture
def tunnel(offloaded, client, within6):
    """The other end of a tunnel, by suite and version."""

    def make(suite, version):
        return client(offloaded.install(suite=suite, **(within6 if version == 6 else {})))

    return make


def delivered(bench, count: int) -> tuple[list[bytes], int]:
    """The next `count` packets inside, and how many the device got for them."""
    packets: list[bytes] = []
    writes = 0
    while len(packets) < count:
        packets += cut(*bench.came_framed())
        writes += 1
    return packets, writes


@pytest.mark.parametrize("suite", SUITES, ids=str)
def test_scapy_opens_batches_and_its_trains_arrive_joined(offloaded, tunnel, suite):
    """Also where not all lanes of a batch are filled, and where the last packet is shorter."""
    peer = tunnel(suite, 4)
    for count, protocol in product((2, 7, 20), ("tcp", "udp")):
        outwards = stream(4, protocol, back=True, count=count)
        offloaded.inside.send(as_one(outwards))
        assert [bytes(peer.open(offloaded.came_outside())) for _ in outwards] == outwards
        inwards = stream(4, protocol, back=False, count=count)
        sealed = [peer.seal(ip(packet)) for packet in inwards]
        carry(offloaded.peer, offloaded.nat_t.getsockname(), sealed)
        assert delivered(offloaded, count) == (inwards, 1)


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.parent.name)
def test_recorded_packets_that_come_together_open_to_the_recorded_plaintext(offloaded, file):
    recording = json.loads(file.read_text())
    for number, association in enumerate(recording["esp_sas"], 1):
        offloaded.engine.install(recorded_child(offloaded, number, association))
    messages = [message for message in recording["messages"] if "esp" in message]
    for run in together([bytes.fromhex(message["esp"]) for message in messages]):
        carry(offloaded.peer, offloaded.nat_t.getsockname(), run)
    assert [offloaded.came_inside() for _ in messages] == [inner_packet(message) for message in messages]


@pytest.mark.parametrize(("version", "protocol"), KINDS)
@pytest.mark.parametrize("seed", range(5))
def test_a_bad_network_loses_its_packets_and_nothing_else(offloaded, tunnel, version, protocol, seed):
    """Two flows side by side; packets are lost, repeated and swapped on the way."""
    peer = tunnel(SUITES[seed], version)
    flows = [stream(version, protocol, back=False, port=port, count=60) for port in (1025, 1026)]
    rng = random.Random(seed)
    mixed = [packet for pair in zip(*flows, strict=True) for packet in pair]
    sent = [(packet, peer.seal(ip(packet))) for packet in mixed]
    sent = [entry for entry in sent for _ in range(rng.choice([0, 1, 1, 1, 1, 1, 2]))]
    for _ in range(10):
        at = rng.randrange(len(sent) - 8)
        sent[at], sent[at + rng.randrange(8)] = sent[at + rng.randrange(8)], sent[at]
    wanted = list(dict.fromkeys(packet for packet, _ in sent))
    for run in together([sealed for _, sealed in sent]):
        carry(offloaded.peer, offloaded.nat_t.getsockname(), run)
    found, _ = delivered(offloaded, len(wanted))
    for port in (1025, 1026):
        assert [each for each in found if ip(each).sport == port] == [each for each in wanted if ip(each).sport == port]
    assert offloaded.nothing_inside()


@pytest.mark.parametrize(("version", "protocol"), KINDS)
def test_wireshark_finds_every_checksum_right(offloaded, tunnel, tmp_path, version, protocol):
    peer = tunnel(SUITES[0], version)
    outwards = stream(version, protocol, back=True)
    offloaded.inside.send(as_one(outwards))
    packets = [bytes(peer.open(offloaded.came_outside())) for _ in outwards]
    inwards = stream(version, protocol, back=False)
    carry(offloaded.peer, offloaded.nat_t.getsockname(), [peer.seal(ip(packet)) for packet in inwards])
    packets += delivered(offloaded, len(inwards))[0]
    good = {"ip": "1", protocol: "1"} if version == 4 else {protocol: "1"}
    assert judged(packets, tmp_path) == [good] * 40
    harmed = packets[0][:-1] + bytes([packets[0][-1] ^ 1])
    assert judged([harmed], tmp_path)[0][protocol] == "0"


def test_a_checksum_that_was_left_to_the_device_is_right_for_wireshark(offloaded, tunnel, tmp_path):
    """The kernel's half of it is no checksum; newer versions of Wireshark know that half, and let it pass."""
    peer = tunnel(SUITES[0], 4)
    told, unfinished = VNET.pack(1, 0, 0, 0, 20, 6), bytearray(stream(4, "udp", back=True, count=1)[0])
    half = sum(int.from_bytes(unfinished[at : at + 2], "big") for at in range(12, 20, 2)) + 17 + len(unfinished) - 20
    unfinished[26:28] = (half % 0x10000 + half // 0x10000).to_bytes(2, "big")
    offloaded.inside.send(told + bytes(unfinished))
    finished = bytes(peer.open(offloaded.came_outside()))
    harmed = finished[:-1] + bytes([finished[-1] ^ 1])
    assert finished[26:28] != unfinished[26:28]
    assert [row["udp"] for row in judged([harmed, finished], tmp_path)] == ["0", "1"]
