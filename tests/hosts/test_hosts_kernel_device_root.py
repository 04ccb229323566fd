"""A host whose kernel carries ESP: what an engine does with packets, and knows of their device, nftables does there."""

from __future__ import annotations

import asyncio
import dataclasses
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP

from hosts.private_namespace import Tun, in_namespace, ip, picture
from hosts.test_hosts_client_root import LEASE, attachment, client, outer_and_tunnel, programs
from hosts.test_hosts_guard_root import ruleset
from lotor.config import loads
from lotor.hosts.changes import Machine
from lotor.hosts.commands import Commands
from lotor.hosts.gateway import GatewayHost
from lotor.hosts.netlink import KINDS, Netlink
from lotor.hosts.network import NetworkHost
from lotor.hosts.network_table import Plan
from lotor.ports.host_esp import Leading

pytestmark = pytest.mark.root

POOL = [IPv4Network("10.99.99.0/24")]
IN, OUT = (f"ipsec {way} reqid 1819213824-1819279359" for way in ("in", "out"))


class Kernel(Netlink):
    """A TUN device of the test stands for the one that the kernel's ESP ends at."""

    def __init__(self, leading: Leading) -> None:
        self.kind = KINDS[leading]

    async def link(self, name):
        return dataclasses.replace(await super().link(name), kind=self.kind if name == "lotor0" else "")


def machine(leading, commands=None):
    return Machine(Kernel(leading), commands or Commands())


def largest(packets: list[bytes]) -> list[int]:
    """The MSS of the handshakes among them."""
    handshakes = [IP(each)[TCP] for each in packets if each[0] >> 4 == 4 and TCP in IP(each)]
    return [value for each in handshakes for name, value in each.options if name == "MSS"]


def handshake(source: str, destination: str, flags: str = "S") -> bytes:
    return bytes(IP(src=source, dst=destination) / TCP(sport=9, dport=9, flags=flags, options=[("MSS", 1460)]))


def forward(value: int) -> None:
    Path("/proc/sys/net/ipv4/ip_forward").write_text(str(value))


@in_namespace
def test_handshakes_that_are_forwarded_learn_what_fits_both_ways(tmp_path):
    tunnel, inside = Tun("lotor0"), Tun("inside0", "10.0.12.1/24")
    before = picture()
    forward(1)
    host = GatewayHost(tmp_path / "run", machine(Leading.ROUTES))
    asyncio.run(host.start("lotor0", 1300, POOL))
    for flags in ("S", "SA"):
        tunnel.arrive(handshake("10.99.99.7", "10.0.12.7", flags))
        assert largest(inside.packets()) == [1260]
        inside.arrive(handshake("10.0.12.7", "10.99.99.7", flags))
        assert largest(tunnel.packets()) == [1260]
    asyncio.run(host.stop())
    forward(0)
    assert picture() == before


@in_namespace
def test_a_device_of_the_engine_is_left_to_the_engine(tmp_path):
    Tun("lotor0")
    asyncio.run(GatewayHost(tmp_path / "run").start("lotor0", 1300, POOL))
    assert "maxseg" not in ruleset()
    assert "ipsec" not in ruleset()


@in_namespace
def test_where_policies_lead_packets_are_known_by_their_sa(tmp_path):
    """They come in by the device of their ESP, as a stranger's do."""
    Tun("lotor0")
    Tun("outer0", "198.51.100.1/24")
    before = picture()
    host = GatewayHost(tmp_path / "run", machine(Leading.POLICIES))

    async def story():
        await host.start("lotor0", 1300, POOL)
        told = ruleset()
        guarding = told[told.index("hook prerouting") :]
        assert guarding.index(f"{IN} accept") < guarding.index("drop")
        assert f"{IN} tcp flags" in told
        assert f"{OUT} tcp flags" in told
        await host.serve([*POOL, IPv4Network("10.98.0.0/24")])
        assert f"{IN} accept" in ruleset()
        await host.stop()

    asyncio.run(story())
    assert picture() == before


@in_namespace
def test_a_client_that_closes_its_host_lets_out_what_an_sa_takes(tmp_path):
    outer_and_tunnel()
    before = picture()
    host = client(tmp_path, machine(Leading.POLICIES, Commands(programs(tmp_path))))

    async def story():
        await host.attach(dataclasses.replace(attachment(), closes=True, remote="office"))
        assert ruleset().count(f"{OUT} accept") == 2
        assert ruleset().count(f"{IN} accept") == 1
        moved = dataclasses.replace(LEASE, address=LEASE.address + 1)
        await host.attach(dataclasses.replace(attachment(moved), closes=True, remote="office"))
        assert ruleset().count(f"{IN} accept") == 1
        await host.detach(1)

    asyncio.run(story())
    assert picture() == before


@in_namespace
def test_without_nftables_all_else_is_there_and_that_is_told(tmp_path, caplog):
    Tun("lotor0")
    asyncio.run(GatewayHost(tmp_path / "run", machine(Leading.ROUTES, Commands(path=""))).start("lotor0", 1300, POOL))
    assert "10.99.99.0/24" in ip("route show dev lotor0")
    told = [each for each in caplog.messages if "must find out itself what fits" in each]
    assert len(told) == 1


@pytest.mark.parametrize("first", ["device", "rules"])
@in_namespace
def test_rules_that_would_see_nobody_are_refused(tmp_path, first):
    """They know clients by their device, and would let everybody through."""
    Tun("lotor0")
    network = loads('network { forward off; allow group "staff" to any; }').settings.network
    host = NetworkHost(tmp_path / "run", machine(Leading.POLICIES))
    steps = [lambda: host.lead("lotor0", Leading.POLICIES), lambda: host.use(Plan(network, tuple(POOL)))]

    async def story():
        one, other = steps if first == "device" else steps[::-1]
        await one()
        with pytest.raises(OSError, match="this kernel has no xfrm interfaces: try `modprobe xfrm_interface`"):
            await other()
        await host.stop()

    asyncio.run(story())
    assert "table" not in ruleset()


@in_namespace
def test_rules_on_an_xfrm_interface_are_those_of_any_device(tmp_path):
    Tun("lotor0")
    network = loads('network { forward off; allow group "staff" to any; }').settings.network
    host = NetworkHost(tmp_path / "run", machine(Leading.ROUTES))

    async def story():
        await host.lead("lotor0", Leading.ROUTES)
        await host.use(Plan(network, tuple(POOL)))
        assert 'elements = { "lotor0" }' in ruleset()
        await host.stop()

    asyncio.run(story())


@in_namespace
def test_ipv6_that_does_not_fit_into_the_device_is_told_with_what_makes_it_fit(tmp_path):
    Tun("lotor0")
    host, pool = GatewayHost(tmp_path / "run", machine(Leading.ROUTES)), [IPv6Network("fd00:99::/64")]
    with pytest.raises(OSError, match="1279 is too small for IPv6 inside: set esp_frag to 1400 or more, or engine"):
        asyncio.run(host.start("lotor0", 1279, pool))
    asyncio.run(host.start("lotor0", 1280, pool))
    assert "fd00:99::/64" in ip("-6 route show dev lotor0")
