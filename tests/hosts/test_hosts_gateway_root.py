"""A gateway's host in a namespace of its own."""

from __future__ import annotations

import asyncio
import logging
import os
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from hosts.private_namespace import Tun, in_namespace, ip, picture, send
from lotor.hosts import gateway as hosts_gateway
from lotor.hosts.client import LinuxHost
from lotor.hosts.gateway import GatewayHost, pool_networks

pytestmark = pytest.mark.root

POOL = [IPv4Network("10.99.99.0/24")]


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        logger = logging.getLogger("lotor.hosts.gateway")
        logger.addHandler(self)
        logger.setLevel(logging.INFO)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.levelname} {record.getMessage()}")


@in_namespace
def test_the_pool_is_behind_the_device_until_stop(tmp_path):
    tunnel = Tun("lotor0")
    Tun("outer0", "198.51.100.1/24")
    before = picture()
    host = GatewayHost(tmp_path / "run")
    asyncio.run(host.start("lotor0", 1300, POOL))
    send("10.99.99.7")
    assert tunnel.destinations()[-1] == "10.99.99.7"
    asyncio.run(host.stop())
    assert picture() == before
    asyncio.run(host.stop())


@in_namespace
def test_a_pool_inside_the_lan_takes_its_own_addresses_only(tmp_path):
    tunnel = Tun("lotor0")
    inside = Tun("inside0", "10.0.12.1/24")
    inside.packets()
    asyncio.run(GatewayHost(tmp_path / "run").start("lotor0", 1300, pool_networks(IPv4Address("10.0.12.200"), 50)))
    send("10.0.12.199")
    send("10.0.12.200")
    send("10.0.12.249")
    send("10.0.12.250")
    assert [address for address in tunnel.destinations() if address[0:2] == "10"] == ["10.0.12.200", "10.0.12.249"]
    assert inside.destinations() == ["10.0.12.199", "10.0.12.250"]


@in_namespace
def test_one_address_more_is_the_work_of_one_route(tmp_path, monkeypatch):
    tunnel, route, made = Tun("lotor0"), hosts_gateway._route, []
    monkeypatch.setattr(hosts_gateway, "_route", lambda *of: (made.append(of), route(*of))[1])
    host = GatewayHost(tmp_path / "run")
    many = [IPv4Network(f"10.99.{number}.7") for number in range(50)]

    async def story():
        await host.start("lotor0", 1300, many[:-1])
        await host.serve(many)
        await host.serve(many[1:])
        assert len(made) == 50
        send("10.99.49.7")
        assert tunnel.destinations()[-1] == "10.99.49.7"
        await host.stop()

    asyncio.run(story())


@in_namespace
def test_the_addresses_of_the_host_are_no_clients(tmp_path):
    Tun("inside0", "10.0.12.1/24")
    Tun("outer0", "198.51.100.1/32")
    ip("address add fd00:12::1/64 dev inside0 nodad")
    own = {str(each) for each in asyncio.run(GatewayHost(tmp_path / "run").own())}
    assert {"10.0.12.0", "10.0.12.1", "10.0.12.255", "198.51.100.1", "fd00:12::", "fd00:12::1"} <= own
    assert not {"10.0.12.2", "198.51.100.2", "fd00:12::2"} & own


@in_namespace
def test_forwarding_is_told_and_not_switched(tmp_path):
    Tun("lotor0")
    heard = Lines()
    switch = Path("/proc/sys/net/ipv4/ip_forward")
    switch.write_text("0")
    host = GatewayHost(tmp_path / "run")
    asyncio.run(host.start("lotor0", 1300, POOL))
    assert switch.read_text().strip() == "0"
    assert [line for line in heard.lines if line.startswith("WARNING") and "sysctl -w net.ipv4.ip_forward=1" in line]
    asyncio.run(host.stop())
    heard.lines.clear()
    switch.write_text("1")
    asyncio.run(host.start("lotor0", 1300, POOL))
    assert not [line for line in heard.lines if line.startswith("WARNING")]
    assert [line for line in heard.lines if "10.99.99.0 to 10.99.99.255" in line]


@in_namespace
def test_a_route_that_exists_already_is_told_and_the_rest_taken_back(tmp_path):
    Tun("lotor0")
    Tun("outer0", "198.51.100.1/24")
    ip("route add 10.99.99.0/24 dev outer0 proto kernel scope link")
    before = picture()
    with pytest.raises(OSError, match=r"the route to 10\.99\.99\.0/24 was refused: File exists"):
        asyncio.run(GatewayHost(tmp_path / "run").start("lotor0", 1300, POOL))
    assert picture() == before


@in_namespace
def test_a_killed_gateway_is_cleaned_by_the_next_start(tmp_path):
    Tun("lotor0")
    before = picture()
    child = os.fork()
    if child == 0:
        asyncio.run(GatewayHost(tmp_path / "run").start("lotor0", 1300, POOL))
        os._exit(9)
    os.waitpid(child, 0)
    assert picture() != before
    assert asyncio.run(LinuxHost(tmp_path / "run").recover()) == 3
    assert picture() == before


@in_namespace
def test_another_pool_takes_the_place_of_the_first(tmp_path):
    tunnel = Tun("lotor0")
    Tun("outer0", "198.51.100.1/24")
    before = picture()
    host = GatewayHost(tmp_path / "run")

    async def story() -> None:
        await host.start("lotor0", 1300, POOL)
        tunnel.packets()
        await host.serve([IPv4Network("10.50.0.0/24"), IPv4Network("10.99.99.7/32")])
        for address in ("10.50.0.9", "10.99.99.7"):
            send(address)
        assert [each for each in tunnel.destinations() if each.startswith("10.")] == ["10.50.0.9", "10.99.99.7"]
        assert "10.99.99.0/24" not in picture()
        await host.serve([IPv4Network("10.50.0.0/24")])
        assert "10.99.99.7" not in picture()

    asyncio.run(story())
    asyncio.run(host.stop())
    assert picture() == before


@in_namespace
def test_a_pool_that_cannot_be_led_leaves_the_first(tmp_path):
    Tun("lotor0")
    Tun("outer0", "198.51.100.1/24")
    ip("route add 10.60.0.0/24 dev outer0 proto kernel scope link")
    before = picture()
    host = GatewayHost(tmp_path / "run")

    async def story() -> None:
        await host.start("lotor0", 1300, POOL)
        there = picture()
        with pytest.raises(OSError, match="File exists"):
            await host.serve([IPv4Network("10.50.0.0/24"), IPv4Network("10.60.0.0/24")])
        assert picture() == there
        await host.stop()

    asyncio.run(story())
    assert picture() == before
    with pytest.raises(OSError, match="no device"):
        asyncio.run(host.serve(POOL))
