"""What the packet engine tells, as it lies in a record."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from lotor.dataplane.userspace.records import Received, parse
from lotor.model.network import Path, Peer
from lotor.ports.esp import Strange

V4 = "04c00002321194", Peer(ip_address("192.0.2.50"), 4500)
FAR4 = "04c633640776d0", Peer(ip_address("198.51.100.7"), 30416)
V6 = "0620010db80000000000000000000000321194", Peer(ip_address("2001:db8::32"), 4500)
FAR6 = "0620010db800000000000000000000000776d0", Peer(ip_address("2001:db8::7"), 30416)


@pytest.mark.parametrize(("local", "remote"), [(V4, FAR4), (V6, FAR6), (FAR4, V4)])
@pytest.mark.parametrize("message", [b"hello", b"", b"\4\6" * 700])
def test_an_ike_message_comes_with_its_path(local, remote, message):
    record = bytes.fromhex("01" + local[0] + remote[0]) + message
    assert parse(record) == parse(record) == Received(message, Path(local[1], remote[1], floated=True))


def test_a_packet_of_no_pair_comes_with_its_spi_path_and_size():
    record = bytes.fromhex("05" + V4[0] + FAR4[0] + "12345678" + "0000005c")
    assert parse(record) == Strange(0x12345678, Path(V4[1], FAR4[1], floated=True), 92)


def test_paths_are_told_apart_by_all_their_octets():
    paths = {parse(bytes.fromhex(f"01{V4[0]}04c6336407{port:04x}")).path.remote.port for port in (1, 2, 256, 65535)}
    assert paths == {1, 2, 256, 65535}
