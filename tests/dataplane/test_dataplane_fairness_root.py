"""Two tunnels on one device: what one sends beyond its rate is lost, and the other does not notice."""

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

pytestmark = pytest.mark.root

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


def tunnels(node: Node, side: str, local: str, remote: str) -> Running:
    running = node.start("tunnels", sys.executable, PROGRAM, side, local, remote, str(RATE))
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
        assert wait_until(lambda: told(client)[0]["limited"] > 10_000, 30)
        pings = link.client.run("ping", "-c", "50", "-i", "0.02", "-W", "2", "-I", "10.99.99.2", INSIDE, check=False)
        greedy, neighbour = told(client)
        allowed = BURST + RATE * (time.monotonic() - began)
        received = re.search(r"(\d+) received", pings.stdout)
        assert received is not None
        assert int(received.group(1)) >= 25
        assert greedy["octets_out"] <= allowed * 1.01 + 100_000
        assert (neighbour["limited"], told(gateway)[1]["limited"]) == (0, 0)
        assert wait_until(lambda: told(client)[1]["packets_out"] >= 50)
