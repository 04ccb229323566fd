"""What a gateway tells its clients, over a pool that may take its time."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Interface, IPv6Network

import pytest

from lotor.model.configuration import LONGEST_BANNER, ModeConfiguration
from lotor.model.grants import NO_GRANTS, Grants
from lotor.model.judgement import Failure
from lotor.model.reasons.local import NoPool
from lotor.ports.leases import Lease
from lotor.runtime import configurations as module
from lotor.runtime.configurations import GatewayConfigurations
from lotor.warden.banner import read_banner
from scripted import RecordingLeases

FIRST, SECOND = IPv4Address("10.99.99.1"), IPv4Address("10.99.99.2")
VALUES = ModeConfiguration(
    IPv4Address(0), netmask=IPv4Address("255.255.255.0"), dns=(IPv4Address("10.0.12.1"),), banner=b"hello"
)


def given(lease, grants=NO_GRANTS, values=VALUES):
    gateway = GatewayConfigurations(RecordingLeases(lease), lambda: values)
    return asyncio.run(gateway.acquire(1, "alice", grants))


def test_a_gateway_gives_the_lease_and_the_administrators_values():
    told = given(Lease(FIRST))
    assert (told.address, told.netmask, told.dns, told.banner) == (FIRST, VALUES.netmask, VALUES.dns, b"hello")
    assert given(Lease(SECOND, IPv4Address("255.255.0.0"))).netmask == IPv4Address("255.255.0.0")


def test_what_the_back_end_granted_goes_before_what_the_configuration_says():
    grants = Grants(netmask=IPv4Address("255.0.0.0"), routes=(IPv4Network("10.1.0.0/16"),))
    told = given(Lease(FIRST, IPv4Address("255.255.0.0")), grants)
    assert (told.netmask, told.split_include) == (grants.netmask, grants.routes)


def test_every_value_that_is_granted_replaces_that_of_the_configuration_and_no_other_one():
    values = replace(
        VALUES,
        wins=(IPv4Address("10.0.12.2"),),
        domain=b"old.example",
        split_dns=(b"old.example",),
        split_local=(IPv4Network("192.168.0.0/16"),),
        dns6=(IPv6Address("fd00::1"),),
    )
    lease = Lease(FIRST, None, IPv6Interface("fd00:99::1/64"))
    grants = Grants(
        dns4=(IPv4Address("10.1.0.53"),),
        dns6=(IPv6Address("fd00::53"),),
        wins4=(IPv4Address("10.1.0.137"),),
        default_domain="new.example",
        split_dns=("new.example", "neu.example"),
        routes=(IPv4Network("10.1.0.0/16"),),
        routes6=(IPv6Network("fd00:1::/32"),),
        banner="be quiet",
    )
    told = given(lease, grants, values)
    assert (told.dns, told.dns6, told.wins) == (grants.dns4, grants.dns6, grants.wins4)
    assert (told.domain, told.split_dns) == (b"new.example", (b"new.example", b"neu.example"))
    assert (told.split_include, told.split_local, told.split_include6) == (grants.routes, (), grants.routes6)
    assert told.banner == b"be quiet"
    assert given(lease, NO_GRANTS, values) == replace(values, address=FIRST, address6=lease.address6)
    without = given(Lease(FIRST), grants, values)
    assert (without.address6, without.dns6, without.split_include6) == (None, (), ())


def test_a_message_for_the_person_stands_before_the_banner():
    assert given(Lease(FIRST), Grants(message="your password is old")).banner == b"your password is old\nhello"
    assert given(Lease(FIRST), Grants(message="welcome", banner="quiet")).banner == b"welcome\nquiet"
    assert given(Lease(FIRST), Grants(message="welcome"), replace(VALUES, banner=b"")).banner == b"welcome"
    long = replace(VALUES, banner=b"x" * LONGEST_BANNER)
    assert len(given(Lease(FIRST), Grants(message="welcome"), long).banner) == LONGEST_BANNER


def test_a_full_pool_and_a_missing_section_say_so():
    assert given(Failure(NoPool())) == Failure(NoPool())
    assert "no mode_cfg section" in given(Lease(FIRST), values=None).reason.text


async def turns():
    for _ in range(20):
        await asyncio.sleep(0)


def test_an_address_that_nobody_waits_for_any_more_goes_back_with_its_session():
    leases = RecordingLeases(Lease(FIRST))

    async def play():
        leases.slow = asyncio.Event()
        gateway = GatewayConfigurations(leases, lambda: VALUES)
        waiting = asyncio.ensure_future(gateway.acquire(1, "alice", NO_GRANTS))
        await turns()
        waiting.cancel()
        await asyncio.sleep(0)
        gateway.release(1)
        leases.slow.set()
        await gateway.settled()

    asyncio.run(play())
    assert leases.calls == [("acquire", 1), ("release", 1)]


@pytest.mark.parametrize("before", [True, False], ids=["answered", "not answered yet"])
def test_who_asks_twice_and_stops_waiting_once_keeps_the_address_that_was_told(before):
    leases = RecordingLeases(Lease(FIRST))

    async def play():
        leases.slow = asyncio.Event()
        gateway = GatewayConfigurations(leases, lambda: VALUES)
        first = asyncio.ensure_future(gateway.acquire(1, "alice", NO_GRANTS))
        await asyncio.sleep(0)
        if before:
            leases.slow.set()
            await first
            leases.slow.clear()
        second = asyncio.ensure_future(gateway.acquire(1, "alice", NO_GRANTS))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.sleep(0)
        leases.slow.set()
        await gateway.settled()
        return await first

    assert asyncio.run(play()).address == FIRST
    assert leases.held == {1: Lease(FIRST)}


def test_a_pool_that_never_answers_holds_up_no_end(monkeypatch):
    monkeypatch.setattr(module, "POOL_SECONDS", 0.01)
    leases = RecordingLeases(Lease(FIRST))

    async def play():
        leases.slow = asyncio.Event()
        gateway = GatewayConfigurations(leases, lambda: VALUES)
        with pytest.raises(TimeoutError, match=r"no answer within 0\.01 s"):
            await gateway.acquire(1, "alice", NO_GRANTS)
        gateway.release(1)
        await gateway.settled()

    asyncio.run(play())
    assert leases.calls == [("release", 1)]


def test_an_end_before_the_pool_has_answered_gives_back_behind_it():
    leases = RecordingLeases(Lease(FIRST))

    async def play():
        leases.slow = asyncio.Event()
        gateway = GatewayConfigurations(leases, lambda: VALUES)
        waiting = asyncio.ensure_future(gateway.acquire(1, "alice", NO_GRANTS))
        await turns()
        gateway.release(1)
        leases.slow.set()
        await gateway.settled()
        await waiting

    asyncio.run(play())
    assert leases.calls == [("acquire", 1), ("release", 1)]


def test_a_missing_banner_is_a_warning_not_a_refusal(tmp_path, caplog):
    assert read_banner(tmp_path / "none") == b""
    assert "none cannot be read: No such file or directory" in caplog.text


def test_a_banner_is_bounded_and_a_fifo_does_not_hold_the_gateway_up(tmp_path):
    (tmp_path / "big").write_bytes(b"x" * (LONGEST_BANNER + 100))
    os.mkfifo(tmp_path / "fifo")
    assert len(read_banner(tmp_path / "big")) == LONGEST_BANNER
    assert read_banner(tmp_path / "fifo") == b""
