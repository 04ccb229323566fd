"""Two engines on real devices, through a NAT router: pings, TCP, a broken path, a router that forgets."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.dialling import ping, transfer
from lab.internet import GATEWAY, INSIDE_HOST, INSIDE_NETWORK, Internet
from lab.node import Node, Running, wait_until

pytestmark = pytest.mark.root

PROGRAM = str(Path(__file__).parent / "static_tunnel.py")
CLIENT = "198.51.100.10"
LEASE = "10.99.99.1"


@pytest.fixture
def net() -> Iterator[Internet]:
    with Internet() as net:
        yield net


def tunnel(node: Node, side: str, local: str, remote: str, esp_frag: int = 0) -> Running:
    running = node.start("tunnel", sys.executable, PROGRAM, side, local, remote, str(esp_frag))
    running.expect("}\n")
    inner = INSIDE_NETWORK if side == "client" else f"{LEASE}/32"
    source = ("src", LEASE) if side == "client" else ()
    node.ip("route", "add", inner, "dev", "lotor0", *source)
    return running


def pair(net: Internet, esp_frag: int = 0) -> tuple[Running, Running]:
    """The gateway knows a wrong port of the client until its first packet."""
    gateway = tunnel(net.gateway, "gateway", GATEWAY, "192.0.2.1", esp_frag)
    return tunnel(net.client, "client", CLIENT, GATEWAY, esp_frag), gateway


def told(running: Running) -> dict[str, Any]:
    """Its latest word."""
    found: dict[str, Any] = json.loads([line for line in running.text().splitlines() if line.endswith("}")][-1])
    return found


def test_traffic_flows_both_ways_through_a_nat(net):
    client, gateway = pair(net)
    assert ping(net.client, INSIDE_HOST)
    assert wait_until(lambda: "Moved" in str(told(gateway)["told"]))
    assert ping(net.inside, LEASE)
    for size in ("1300", "1378", "1379", "4000"):
        assert ping(net.client, INSIDE_HOST, "-s", size, "-M", "dont")
    assert transfer(net.inside, net.client, INSIDE_HOST, 20_000_000)
    assert transfer(net.client, net.inside, LEASE)
    assert wait_until(lambda: told(client)["octets_in"] > 20_000_000)
    for counters in (told(client), told(gateway)):
        assert (counters["forged"], counters["misdirected"]) == (0, 0)
    assert (client.alive, gateway.alive) == (True, True)


def test_nothing_large_leaves_on_a_path_that_loses_it(net):
    net.break_router(552)
    pair(net, esp_frag=552)
    assert ping(net.client, INSIDE_HOST, "-s", "1400", "-M", "dont")
    assert ping(net.client, INSIDE_HOST, "-s", "1400")
    assert ping(net.inside, LEASE, "-s", "1400")
    assert transfer(net.inside, net.client, INSIDE_HOST)
    assert transfer(net.client, net.inside, LEASE)
    assert (net.dropped().fragments, net.dropped().large) == (0, 0)


def test_the_path_without_a_limit_is_known_to_lose(net):
    """The test above can fail: without esp_frag the same router drops."""
    net.break_router(552)
    pair(net)
    assert not ping(net.client, INSIDE_HOST, "-s", "1300")
    assert net.dropped().large > 0


def test_follows_when_the_router_forgets(net):
    _, gateway = pair(net)
    assert ping(net.client, INSIDE_HOST)
    moves = wait_until(lambda: len(told(gateway)["told"]) == 1)
    net.rebind()
    assert ping(net.client, INSIDE_HOST)
    assert moves
    assert wait_until(lambda: len(told(gateway)["told"]) == 2)
    assert ping(net.inside, LEASE)


def test_a_device_that_is_deleted_is_told(net):
    client, _ = pair(net)
    net.client.ip("link", "delete", "lotor0")
    assert wait_until(lambda: "Broken" in str(told(client)["told"]))
