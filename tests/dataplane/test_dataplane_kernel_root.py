"""The kernel itself cuts what the engine joined, and gives the packets that arrived."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from dataplane.trains import KINDS, carry, cut, ip, stream, together
from lab.node import Node

pytestmark = pytest.mark.root

PROGRAM = str(Path(__file__).parent / "kernel_cut.py")


def forwarded(octets: bytes) -> bytes:
    """The packet one router further on."""
    packet = ip(octets)
    if packet.version == 4:
        packet.ttl -= 1
        del packet.chksum
    else:
        packet.hlim -= 1
    return bytes(packet)


@pytest.mark.parametrize(("version", "protocol"), KINDS)
def test_the_kernel_cuts_what_was_joined_into_what_arrived(offloaded, client, within6, tmp_path, version, protocol):
    """Also behind a packet that is missing."""
    peer = client(offloaded.install(**(within6 if version == 6 else {})))
    sent = stream(version, protocol, back=False, count=60)
    del sent[30]
    for run in together([peer.seal(ip(packet)) for packet in sent]):
        carry(offloaded.peer, offloaded.nat_t.getsockname(), run)
    writes: list[tuple[bytes, bytes]] = []
    while sum(len(cut(*write)) for write in writes) < len(sent):
        writes.append(offloaded.came_framed())
    assert len(writes) < 10
    file = tmp_path / "writes"
    file.write_text("".join(json.dumps((told + whole).hex()) + "\n" for told, whole in writes))
    with Node("router", tmp_path) as node:
        told = node.run(sys.executable, PROGRAM, str(file), str(len(sent))).stdout
    came = [bytes.fromhex(json.loads(line)) for line in told.splitlines()]
    assert came == [forwarded(packet) for packet in sent]
