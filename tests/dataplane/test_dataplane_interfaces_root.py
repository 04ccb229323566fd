"""A gateway whose kernel carries ESP with an xfrm interface, and a client's engine in user space, on real devices.

Runs where the kernel has ESP and xfrm interfaces: `make kernel` brings one."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataplane.test_dataplane_tunnel_root import CLIENT, LEASE, told, tunnel
from lab.dialling import ping, transfer
from lab.internet import GATEWAY, INSIDE_HOST, INSIDE_NETWORK, Internet
from lab.machine import led_by_routes
from lab.node import Running, wait_until

pytestmark = pytest.mark.root

PROGRAM, CLIENTS = (str(Path(__file__).parent / f"{each}_tunnel.py") for each in ("kernel", "static"))


@pytest.fixture(scope="module", autouse=True)
def kernel() -> None:
    """For tests of a kernel that has all that the gateway here needs."""
    if not led_by_routes():
        pytest.skip("this kernel has no ESP, or no xfrm interfaces: make kernel")


@pytest.fixture
def net() -> Iterator[Internet]:
    with Internet() as net:
        yield net


def gateway(net: Internet, esp_frag: int = 0) -> Running:
    """It knows a wrong port of the client until its first packet."""
    running = net.gateway.start(
        "kernel", sys.executable, PROGRAM, GATEWAY, "192.0.2.1", str(esp_frag), "/run/lotor/hosts"
    )
    assert running.expect("}\n")
    return running


def pair(net: Internet, esp_frag: int = 0) -> tuple[Running, Running]:
    served = gateway(net, esp_frag)
    return tunnel(net.client, "client", CLIENT, GATEWAY, esp_frag), served


def refused(net: Internet) -> int:
    """Packets that came out of an SA, and that no policy lets in."""
    rows = dict(line.split() for line in net.gateway.run("cat", "/proc/net/xfrm_stat").stdout.splitlines())
    return int(rows["XfrmInNoPols"])


def test_traffic_flows_through_an_xfrm_interface_and_a_nat(net):
    client, served = pair(net)
    assert told(served)["leading"] == "routes"
    assert ping(net.client, INSIDE_HOST)
    assert wait_until(lambda: "Moved" in str(told(served)["told"]))
    assert ping(net.inside, LEASE)
    for size in ("1300", "1378", "1379", "4000"):
        assert ping(net.client, INSIDE_HOST, "-s", size, "-M", "dont")
    assert transfer(net.inside, net.client, INSIDE_HOST)
    assert transfer(net.client, net.inside, LEASE)
    assert wait_until(lambda: told(served)["octets_out"] > 2_000_000)
    assert told(client)["forged"] == 0


def test_a_client_has_no_other_address_than_its_lease(net):
    """Its own engine carries the packets; in the gateway, a route would lead answers back to it."""
    gateway(net)
    greedy = net.client.start("tunnel", sys.executable, CLIENTS, "client", CLIENT, GATEWAY, "0", "greedy")
    assert greedy.expect("}\n")
    net.client.ip("route", "add", INSIDE_NETWORK, "dev", "lotor0", "src", LEASE)
    assert ping(net.client, INSIDE_HOST)
    net.client.ip("address", "add", "10.99.99.77/32", "dev", "lotor0")
    net.gateway.ip("route", "add", "10.99.99.77/32", "dev", "lotor0")
    assert refused(net) == 0
    assert not ping(net.client, INSIDE_HOST, "-I", "10.99.99.77")
    assert refused(net) > 0


def test_nothing_large_leaves_on_a_path_that_loses_it(net):
    net.break_router(552)
    pair(net, esp_frag=552)
    assert ping(net.client, INSIDE_HOST, "-s", "1400", "-M", "dont")
    assert ping(net.inside, LEASE, "-s", "1400")
    assert transfer(net.inside, net.client, INSIDE_HOST)
    assert transfer(net.client, net.inside, LEASE)
    assert (net.dropped().fragments, net.dropped().large) == (0, 0)


def test_follows_when_the_router_forgets_and_nothing_is_left_in_the_end(net):
    _, served = pair(net)
    assert ping(net.client, INSIDE_HOST)
    net.rebind()
    assert ping(net.client, INSIDE_HOST)
    assert wait_until(lambda: len(told(served)["told"]) == 2)
    assert ping(net.inside, LEASE)
    assert served.stop() == 0
    left = [net.gateway.run(*words).stdout for words in (("ip", "xfrm", "state"), ("ip", "xfrm", "policy"))]
    assert [each for each in left if "reqid" in each] == []
    assert "lotor" not in net.gateway.ip("link")
    assert "lotor" not in net.gateway.run("nft", "list", "ruleset").stdout


def test_what_a_killed_program_left_does_not_stand_in_the_way(net):
    _, served = pair(net)
    assert ping(net.client, INSIDE_HOST)
    served.stop(signal.SIGKILL)
    assert "lotor0" in net.gateway.ip("link")
    again = gateway(net)
    assert net.gateway.run("ip", "xfrm", "state").stdout.count("reqid") == 2
    assert net.gateway.ip("link").count(": lotor") == 1
    ping(net.client, INSIDE_HOST)  # its answers have numbers that the client saw before
    assert wait_until(lambda: told(again)["packets_in"] > 0)
