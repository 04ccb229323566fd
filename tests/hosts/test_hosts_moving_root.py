"""A client's host while the gateway gives it another inside address: nothing leaves in clear, and all is undone."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Interface

import pytest

from hosts.private_namespace import in_namespace, ip, picture, send
from hosts.test_hosts_client_root import LEASE, attachment, client, outer_and_tunnel, programs
from lotor.hosts.changes import Machine
from lotor.hosts.commands import Commands
from lotor.hosts.netlink import Netlink

pytestmark = pytest.mark.root

MOVED = replace(LEASE, address=IPv4Address("10.99.99.4"))
BOTH = replace(LEASE, address6=IPv6Interface("fd00:99::3/64"))
BOTH_MOVED = replace(MOVED, address6=IPv6Interface("fd00:99::4/64"))
SPLIT = {"split_include": (IPv4Network("203.0.113.0/24"),)}
FAR = "203.0.113.7"


class Watched(Netlink):
    """A packet for the inside is sent at every step."""

    steps = 0

    async def _step(self, done):
        await done
        self.steps += 1
        send(FAR)

    async def add_address(self, *arguments):
        await self._step(super().add_address(*arguments))

    async def remove_address(self, *arguments):
        await self._step(super().remove_address(*arguments))

    async def add_route(self, route):
        await self._step(super().add_route(route))

    async def remove_route(self, route):
        await self._step(super().remove_route(route))


def sorted_picture():
    """The tables of nftables stand in the order in which they were made."""
    shown = picture()
    return shown | {"nft": sorted(str(shown["nft"]).split("table "))}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (LEASE, MOVED),
        (BOTH, BOTH_MOVED),
        (BOTH, replace(BOTH_MOVED, address6=BOTH.address6)),
        (BOTH, replace(BOTH_MOVED, address=BOTH.address)),
        (replace(LEASE, **SPLIT), replace(MOVED, **SPLIT)),
    ],
)
@in_namespace
def test_f3_another_address_is_taken_without_a_packet_in_clear(tmp_path, old, new):
    outer, tunnel = outer_and_tunnel()
    network = Watched()
    before = picture()
    host = client(tmp_path, Machine(network, Commands(programs(tmp_path), patience=60)))

    async def move():
        await host.attach(attachment(old))
        tunnel.packets()
        outer.packets()
        network.steps = 0
        await host.attach(attachment(new))
        assert network.steps >= 4
        assert FAR not in outer.destinations(), "nothing for the inside went out beside the tunnel"
        tunnel.packets()
        assert send(FAR) is None
        assert tunnel.destinations() == [FAR]
        moved = sorted_picture()
        await host.detach(1)
        await host.attach(attachment(new))
        assert moved == sorted_picture(), "as if it had been the address from the beginning"
        await host.detach(1)

    asyncio.run(move())
    assert picture() == before


@in_namespace
def test_f3_more_than_another_address_is_attached_anew(tmp_path):
    outer_and_tunnel()
    before = picture()
    host = client(tmp_path)

    async def change():
        await host.attach(attachment(LEASE))
        await host.attach(attachment(replace(MOVED, **SPLIT)))
        moved = sorted_picture()
        await host.detach(1)
        await host.attach(attachment(replace(MOVED, **SPLIT)))
        assert moved == sorted_picture()
        await host.detach(1)

    asyncio.run(change())
    assert picture() == before


@in_namespace
def test_f3_a_move_that_fails_half_way_is_undone_with_the_rest(tmp_path):
    outer_and_tunnel()
    before = picture()

    class Broken(Netlink):
        async def add_route(self, route):
            if route.source == "10.99.99.4":
                raise OSError(1, "no more routes")
            await super().add_route(route)

    host = client(tmp_path, Machine(Broken(), Commands(programs(tmp_path), patience=60)))

    async def change():
        await host.attach(attachment(LEASE))
        with pytest.raises(OSError, match="no more routes"):
            await host.attach(attachment(MOVED))
        await host.detach(1)

    asyncio.run(change())
    assert picture() == before
    assert "10.99.99" not in ip("addr")
