"""Two tunnels on one device: what one sends beyond its rate, or beyond what the engine can carry, is lost, and the
other does not notice."""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bench.link import CLIENT, GATEWAY, Link
from lab.dialling import ping
from lab.node import Node, Running, wait_until

pytestmark = [pytest.mark.root, pytest.mark.alone]

PROGRAM = str(Path(__file__).parent / "two_tunnels.py")
INSIDE = "10.99.99.254"
RATE = 1_000_000
BURST = 131_014
FLOOD = f"""
import socket
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("10.99.99.1", 0))
print("flooding", flush=True)
while True:
    udp.sendto(bytes(1200), ("{INSIDE}", 9))
"""

MODEST = 2000
PACED = """
import socket, sys, time
lease, octets, each, count = sys.argv[1], *map(int, sys.argv[2:])
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind((lease, 0))
print("sending", flush=True)
due = time.monotonic()
for start in range(0, count, each):
    for _ in range(each):
        udp.sendto(bytes(octets), ("10.99.99.254", 9))
    due = max(due + 0.005, time.monotonic() - 0.05)
    time.sleep(max(0, due - time.monotonic()))
print("sent", flush=True)
"""
"""LEASE OCTETS EACH COUNT: `each` packets every 5 ms, until there were `count`."""


def tunnels(node: Node, side: str, local: str, remote: str, how: str = str(RATE)) -> Running:
    running = node.start("tunnels", sys.executable, PROGRAM, side, local, remote, how)
    running.expect("]\n")
    if side == "client":
        for lease in ("10.99.99.1", "10.99.99.2"):
            node.ip("address", "add", f"{lease}/32", "dev", "lotor0")
        node.ip("route", "add", INSIDE, "dev", "lotor0")
    else:
        node.ip("route", "add", "10.99.99.0/24", "dev", "lotor0")
    return running


def told(running: Running) -> list[dict[str, Any]]:
    """The latest counters of both."""
    found: list[dict[str, Any]] = json.loads([line for line in running.text().splitlines() if line.endswith("]")][-1])
    return found


def test_a_flood_beyond_its_rate_does_not_reach_the_neighbour():
    with Link() as link:
        gateway = tunnels(link.gateway, "gateway", GATEWAY, CLIENT)
        client = tunnels(link.client, "client", CLIENT, GATEWAY)
        for lease in ("10.99.99.1", "10.99.99.2"):
            assert wait_until(lambda lease=lease: ping(link.client, INSIDE, "-I", lease))
        began = time.monotonic()
        link.client.start("flood", sys.executable, "-c", FLOOD).expect("flooding")
        assert wait_until(lambda: told(client)[0]["limited"] > 10_000)
        pings = link.client.run("ping", "-c", "50", "-i", "0.02", "-W", "2", "-I", "10.99.99.2", INSIDE, check=False)
        greedy, neighbour = told(client)
        allowed = BURST + RATE * (time.monotonic() - began)
        received = re.search(r"(\d+) received", pings.stdout)
        assert received is not None
        answered = int(received.group(1))
        assert answered >= 25
        assert greedy["octets_out"] <= allowed * 1.01 + 100_000
        assert (neighbour["limited"], told(gateway)[1]["limited"]) == (0, 0)
        assert wait_until(lambda: told(client)[1]["packets_out"] >= answered)


def test_who_asks_an_engine_for_more_than_it_can_carry_does_not_take_it_from_the_neighbour():
    """3DES carries some ten thousand packets a second, the greedy tunnel sends twenty-four, eight seconds at most."""
    with Link() as link:
        gateway = tunnels(link.gateway, "gateway", GATEWAY, CLIENT, "slow")
        client = tunnels(link.client, "client", CLIENT, GATEWAY, "slow")
        for lease in ("10.99.99.1", "10.99.99.2"):
            assert wait_until(lambda lease=lease: ping(link.client, INSIDE, "-I", lease))
        before = told(client)[1]["packets_out"], told(gateway)[1]["packets_in"]
        flood = link.client.start("flood", sys.executable, "-c", PACED, "10.99.99.1", "700", "120", "192000")
        flood.expect("sending")
        modest = link.client.start("modest", sys.executable, "-c", PACED, "10.99.99.2", "100", "10", str(4 * MODEST))
        pings = link.client.run("ping", "-c", "40", "-i", "0.05", "-W", "2", "-I", "10.99.99.2", INSIDE, check=False)
        modest.expect("sent\n")
        assert flood.alive
        flood.stop()
        wanted = 4 * MODEST + 40
        wait_until(lambda: told(gateway)[1]["packets_in"] - before[1] >= wanted, 3)
        greedy, neighbour = told(client)
        received = re.search(r"(\d+) received", pings.stdout)
        assert received is not None
        assert greedy["shed"] > 1000
        assert neighbour["shed"] + told(gateway)[1]["shed"] <= 0.05 * wanted
        assert neighbour["packets_out"] - before[0] >= 0.8 * wanted
        assert told(gateway)[1]["packets_in"] - before[1] >= 0.8 * wanted
        assert int(received.group(1)) >= 32
