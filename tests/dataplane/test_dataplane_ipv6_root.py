"""Two engines on real devices with IPv6 inside and outside, with and without shortcuts, compressed and not."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.dialling import ping, transfer
from lab.internet import GATEWAY, GATEWAY6, INSIDE_HOST, INSIDE_HOST6, Internet
from lab.node import Node, Running, wait_until

pytestmark = pytest.mark.root

PROGRAM = str(Path(__file__).parent / "static_tunnel.py")
CLIENT, CLIENT6 = "198.51.100.10", "2001:db8:1::10"
LEASE, LEASE6 = "10.99.99.1", "fd00:99::1"
DATAGRAMS, SIZE = 240, 1100

_RECEIVE = f"""
import socket
udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
udp.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
udp.bind(("::", 9000))
print("ready", flush=True)
udp.settimeout(20)
got = [udp.recv(65535) for _ in range({DATAGRAMS})]
print("whole" if got == [bytes([number % 256]) * {SIZE} for number in range({DATAGRAMS})] else "broken", flush=True)
"""
_SEND = f"""
import socket, sys, time
udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
udp.setsockopt(socket.IPPROTO_UDP, 103, {SIZE})  # UDP_SEGMENT: the kernel hands large packets to the device
for first in range(0, {DATAGRAMS}, 24):
    udp.sendto(b"".join(bytes([number % 256]) * {SIZE} for number in range(first, first + 24)), (sys.argv[1], 9000))
    time.sleep(0.01)
"""


@pytest.fixture
def net() -> Iterator[Internet]:
    with Internet(ipv6=True) as net:
        yield net


def tunnel(node: Node, side: str, ends: tuple[str, str], esp_frag: int, options: tuple[str, ...]) -> Running:
    running = node.start("tunnel", sys.executable, PROGRAM, side, *ends, str(esp_frag), *options)
    running.expect("}\n")
    far = ("203.0.113.0/24", "fd00:113::/64") if side == "client" else (f"{LEASE}/32", f"{LEASE6}/128")
    for network, source in zip(far, (LEASE, LEASE6), strict=True):
        node.ip("route", "add", network, "dev", "lotor0", *(("src", source) if side == "client" else ()))
    return running


def pair(net: Internet, outer: str, *options: str, esp_frag: int = 0) -> tuple[Running, Running]:
    """Behind the NAT of IPv4 the gateway knows a wrong port of the client until its first packet."""
    far = ("192.0.2.1", CLIENT) if outer == GATEWAY else (CLIENT6, CLIENT6)
    gateway = tunnel(net.gateway, "gateway", (outer, far[0]), esp_frag, options)
    client = tunnel(net.client, "client", (far[1], outer), esp_frag, options)
    assert ping(net.client, INSIDE_HOST)
    assert ping(net.client, INSIDE_HOST6)
    return client, gateway


def told(running: Running) -> dict[str, Any]:
    """Its latest word."""
    found: dict[str, Any] = json.loads([line for line in running.text().splitlines() if line.endswith("}")][-1])
    return found


def datagrams_arrive(sender: Node, receiver: Node, address: str) -> bool:
    receiving = receiver.start("datagrams", sys.executable, "-c", _RECEIVE)
    receiving.expect("ready")
    sender.run(sys.executable, "-c", _SEND, address)
    wait_until(lambda: not receiving.alive)
    return "whole" in receiving.text()


def sent_outside(net: Internet) -> int:
    """Octets that left the gateway towards the client."""
    statistics = json.loads(net.gateway.run("ip", "-s", "-j", "link", "show", "dev", "eth0").stdout)
    octets: int = statistics[0]["stats64"]["tx"]["bytes"]
    return octets


@pytest.mark.parametrize("options", [(), ("plain",), ("ipcomp",)], ids=["offloads", "plain", "ipcomp"])
@pytest.mark.parametrize("outer", [GATEWAY, GATEWAY6])
def test_all_kinds_of_traffic_pass(net, outer, options):
    client, gateway = pair(net, outer, *options)
    for size in ("0", "1232", "1300", "4000"):
        assert ping(net.client, INSIDE_HOST6, "-s", size)
        assert ping(net.inside, LEASE6, "-s", size)
    assert transfer(net.inside, net.client, INSIDE_HOST6, 10_000_000)
    assert transfer(net.client, net.inside, LEASE6)
    assert transfer(net.inside, net.client, INSIDE_HOST)
    assert datagrams_arrive(net.client, net.inside, INSIDE_HOST6)
    assert datagrams_arrive(net.inside, net.client, LEASE6)
    assert wait_until(lambda: told(client)["six"]["octets_in"] > 10_000_000)
    for counters in (told(client), told(gateway)):
        assert [counters[name] for name in ("forged", "misdirected")] == [0, 0]
        assert [counters["six"][name] for name in ("forged", "misdirected")] == [0, 0]


def test_tcp_passes_where_only_small_packets_do_and_what_every_link_carries_is_fragmented_outside(net):
    pair(net, GATEWAY6, esp_frag=700)
    assert ping(net.client, INSIDE_HOST6, "-s", "1232")
    # Each end learns from an answer of the engine that 1280 octets fit, and loses a packet by it.
    assert wait_until(lambda: ping(net.client, INSIDE_HOST6, "-s", "4000"))
    assert transfer(net.inside, net.client, INSIDE_HOST6)
    assert transfer(net.client, net.inside, LEASE)


def test_what_shrinks_takes_less_room_outside(net):
    pair(net, GATEWAY6, "ipcomp")
    text = b"".join(b"line %d of a text that tells much the same again and again\n" % line for line in range(40_000))
    before = sent_outside(net)
    assert transfer(net.inside, net.client, INSIDE_HOST6, content=text)
    assert sent_outside(net) - before < len(text) // 2
    before = sent_outside(net)
    assert transfer(net.inside, net.client, INSIDE_HOST, len(text))
    assert sent_outside(net) - before > len(text)
