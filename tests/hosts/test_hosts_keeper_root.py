"""A device that went down and up, and a ruleset that was flushed, while a connection is up."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Address, IPv6Interface, IPv6Network

import pytest

from hosts.private_namespace import Tun, in_namespace, ip, picture, send
from hosts.test_hosts_client_root import LEASE, attachment, client, outer_and_tunnel
from hosts.test_hosts_guard_root import flush, ruleset, tables
from lotor.hosts.gateway import GatewayHost

pytestmark = pytest.mark.root

BOTH = replace(LEASE, address6=IPv6Interface("fd00:99::3/64"), dns6=(IPv6Address("fd00:12::1"),))
POOL = [IPv4Network("10.99.99.0/24"), IPv6Network("fd00:99::/64")]


class Waiting(logging.Handler):
    """Waits for a line of the log: what is told was done before."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []
        self._another = asyncio.Event()
        logging.getLogger("lotor.hosts").addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
        self._another.set()

    async def until(self, text: str, times: int = 1) -> None:
        async with asyncio.timeout(60):
            while len([line for line in self.lines if text in line]) < times:
                self._another.clear()
                await self._another.wait()


def lasting() -> dict[str, object]:
    shown = {words: ip(words) for words in ("rule", "-6 rule", "-4 addr", "route show table all")}
    return shown | {part: sorted(ip(part).splitlines()) for part in ("-6 addr", "-6 route show table all")}


@in_namespace
def test_a36_a_gateways_device_that_went_down_and_up_is_led_again(tmp_path):
    tunnel = Tun("lotor0")
    Tun("outer0", "198.51.100.1/24")
    empty, heard, host = picture(), Waiting(), GatewayHost(tmp_path / "run")

    async def story() -> None:
        await host.start("lotor0", 1300, POOL)
        before = lasting()
        ip("link set lotor0 down")
        await heard.until("lotor0 was set down, nothing passes")
        assert "10.99.99.0/24" not in ip("route")
        ip("link set lotor0 up")
        await heard.until("lotor0 is up again: 2 routes and addresses were made anew")
        assert lasting() == before
        tunnel.packets()
        send("10.99.99.7")
        assert "10.99.99.7" in tunnel.destinations()
        await host.stop()

    asyncio.run(story())
    assert picture() == empty


@in_namespace
def test_a36_a_clients_device_that_went_down_and_up_at_once_is_led_again(tmp_path):
    outer, tunnel = outer_and_tunnel()
    empty, heard, host = picture(), Waiting(), client(tmp_path)

    async def story() -> None:
        await host.attach(attachment(BOTH))
        before = lasting()
        ip("link set lotor0 down")
        ip("link set lotor0 up")
        await heard.until("lotor0 is up again")
        assert lasting() == before
        tunnel.packets()
        for address in ("203.0.113.7", "2001:db8:7::1"):
            assert send(address) is None
        assert [each for each in tunnel.destinations() if not each.startswith("ff")] == ["203.0.113.7", "2001:db8:7::1"]
        assert "203.0.113.7" not in outer.destinations()
        await host.detach(1)

    asyncio.run(story())
    assert picture() == empty


@in_namespace
def test_a36_other_devices_are_nobodys_business(tmp_path):
    outer_and_tunnel()
    heard, host = Waiting(), client(tmp_path)

    async def story() -> None:
        await host.attach(attachment())
        ip("link set outer0 down")
        ip("link set outer0 up")
        ip("link set lotor0 down")
        await heard.until("lotor0 was set down")
        await host.detach(1)

    asyncio.run(story())
    assert [line for line in heard.lines if "outer0" in line] == []


@in_namespace
def test_f12_a_ruleset_that_was_flushed_gets_the_tables_back(tmp_path):
    outer_and_tunnel()
    Tun("lotor1")
    heard, here, there = Waiting(), client(tmp_path / "client"), GatewayHost(tmp_path / "gateway")

    async def story() -> None:
        await here.attach(attachment(replace(BOTH, split_include=(IPv4Network("10.0.12.0/24"),))))
        await there.start("lotor1", 1300, [IPv4Network("10.50.0.0/24")])
        before, names = ruleset(), tables()
        flush()
        for name in set(names):
            await heard.until(f"removed the table {name} of nftables: it was made anew", names.count(name))
        assert sorted(ruleset().splitlines()) == sorted(before.splitlines())
        await there.stop()
        await here.detach(1)

    asyncio.run(story())
    assert tables() == []
