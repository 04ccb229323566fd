"""Packets that come in beside the tunnel (CVE-2019-14899): what a neighbour sends to an inner address gets no answer
and reaches no program; what belongs into the tunnel, or to the inside network, goes on."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
from contextlib import closing
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from pathlib import Path

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import ARP, Ether

from hosts.private_namespace import IFF_TAP_NO_PI, Tun, in_namespace, ip, picture
from hosts.test_hosts_client_root import LEASE, attachment, client, outer_and_tunnel
from hosts.test_hosts_faults_root import Told
from lotor.hosts.changes import Machine
from lotor.hosts.commands import Commands
from lotor.hosts.gateway import GatewayHost, pool_networks
from lotor.hosts.netlink import Netlink

pytestmark = pytest.mark.root

DNS, PORT = "10.0.12.1", 5353
LEASE6 = replace(LEASE, address6=IPv6Interface("fd00:99::3/64"), dns6=(IPv6Address("fd00:12::1"),))
POOL = [IPv4Network("10.99.99.0/24"), IPv6Network("fd00:99::/64")]
PARTNERS = [IPv4Network("10.0.12.0/24"), IPv6Network("fd00:12::/64")]
LAN, LAN6, STRANGER, STRANGER6 = "10.0.12.7", "fd00:12::7", "203.0.113.9", "2001:db8:9::9"
ALICE, ALICE6, BOB, BOB6 = "10.99.99.7", "fd00:99::7", "10.99.99.8", "fd00:99::8"


def reverse_path(device: str, value: int) -> Path:
    file = Path(f"/proc/sys/net/ipv4/conf/{device}/rp_filter")
    file.write_text(str(value))
    return file


def echo(source: str, destination: str) -> bytes:
    if ":" in source:
        return bytes(IPv6(src=source, dst=destination) / ICMPv6EchoRequest(data=b"who is there?"))
    return bytes(IP(src=source, dst=destination) / ICMP() / b"who is there?")


class Tap(Tun):
    """A device with Ethernet frames."""

    KIND = IFF_TAP_NO_PI

    def who_has(self, address: str) -> list[str]:
        """The addresses for which this host answers."""
        self.packets()
        asking = {"hwsrc": "02:00:00:00:00:09", "psrc": "192.0.2.9", "pdst": address}
        self.arrive(bytes(Ether(src=asking["hwsrc"], dst="ff:ff:ff:ff:ff:ff") / ARP(op="who-has", **asking)))
        frames = [Ether(packet) for packet in self.packets()]
        return [frame[ARP].psrc for frame in frames if ARP in frame and frame[ARP].op == 2]


def reply(source: str, destination: str) -> bytes:
    network = IPv6 if ":" in source else IP
    return bytes(network(src=source, dst=destination) / UDP(sport=53, dport=PORT) / b"the answer")


def ruleset() -> str:
    return subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True, check=True).stdout


def flush() -> None:
    subprocess.run(["nft", "flush", "ruleset"], check=True)


def setting(file: Path) -> str:
    return file.read_text().strip()


def tables() -> list[str]:
    return [line.split()[2] for line in ruleset().splitlines() if line.startswith("table")]


def heard(address: str, device: Tun, packet: bytes, patience: float = 0.2) -> bytes:
    """What a program with a socket on the inner address gets when the packet comes in; nothing: nothing within
    `patience` seconds."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_DGRAM)) as program:
        program.bind((address, PORT))
        program.settimeout(patience)
        device.arrive(packet)
        try:
            return program.recv(100)
        except TimeoutError:
            return b""


@pytest.mark.parametrize("value", [0, 2])
@pytest.mark.parametrize("split", [(), (IPv4Network("10.0.12.0/24"),)])
@in_namespace
def test_f12_e17_a_neighbour_finds_no_inner_address(tmp_path, value, split):
    outer, tunnel = outer_and_tunnel()
    reverse_path("all", 0)
    reverse_path("outer0", value)
    asyncio.run(client(tmp_path).attach(attachment(replace(LEASE6, split_include=split))))
    tunnel.packets()
    for source, destination in ((STRANGER, "10.99.99.3"), (STRANGER6, "fd00:99::3"), (DNS, "10.99.99.3")):
        outer.arrive(echo(source, destination))
    outer.arrive(echo(STRANGER, "10.99.99.4"))
    assert tunnel.packets() == outer.packets() == []
    assert heard("10.99.99.3", outer, reply(DNS, "10.99.99.3")) == b""
    assert heard("fd00:99::3", outer, reply("fd00:12::1", "fd00:99::3")) == b""
    assert heard("10.99.99.3", tunnel, reply(DNS, "10.99.99.3"), 60) == b"the answer"
    assert heard("fd00:99::3", tunnel, reply("fd00:12::1", "fd00:99::3"), 60) == b"the answer"


@in_namespace
def test_f12_this_host_still_reaches_itself_by_its_inner_address(tmp_path):
    outer_and_tunnel()
    asyncio.run(client(tmp_path).attach(attachment(LEASE6)))
    for address in ("10.99.99.3", "fd00:99::3"):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with closing(socket.socket(family, socket.SOCK_STREAM)) as listener:
            listener.bind((address, PORT))
            listener.listen()
            with socket.create_connection((address, PORT), 60):
                pass


@in_namespace
def test_f12_n10_a_neighbour_who_asks_by_arp_hears_nothing(tmp_path):
    """The TAP device is an Ethernet, on which somebody asks who has the inner address, and who has the outer one."""
    wire = Tap("outer0", "192.0.2.2/24")
    ip("route add default via 192.0.2.1 dev outer0")
    Tun("lotor0")
    host = client(tmp_path)

    async def story() -> None:
        await host.attach(attachment())
        assert wire.who_has("10.99.99.3") == []
        assert wire.who_has("192.0.2.2") == ["192.0.2.2"]
        await host.detach(1)

    asyncio.run(story())
    assert tables() == []


@in_namespace
def test_f12_the_table_is_there_before_the_address_and_goes_behind_it(tmp_path):
    outer_and_tunnel()
    before, host, moments = picture(), client(tmp_path), []
    network = host._machine.network
    add, remove = network.add_address, network.remove_address

    class Watched(Netlink):
        async def add_address(self, index, address):
            moments.append(tables())
            await add(index, address)

        async def remove_address(self, index, address):
            await remove(index, address)
            moments.append(tables())

    host._machine = Machine(Watched(), host._machine.commands)

    async def story() -> None:
        await host.attach(attachment())
        await host.detach(1)

    asyncio.run(story())
    assert moments == [[f"lotor0-{socket.if_nametoindex('lotor0')}-0"] * 2] * 2
    assert picture() == before


@in_namespace
def test_f12_the_administrators_tables_are_not_touched(tmp_path):
    outer_and_tunnel()
    ours = "table inet filter {\n chain input {\n type filter hook input priority 0; policy accept;\n counter\n }\n}\n"
    subprocess.run(["nft", "-f", "-"], input=ours, text=True, check=True)
    host = client(tmp_path)

    async def story() -> None:
        await host.attach(attachment())
        assert tables()[0] == "filter"
        assert len(tables()) == 3
        await host.detach(1)

    asyncio.run(story())
    assert tables() == ["filter"]
    assert "hook input" in ruleset()


@in_namespace
def test_f12_two_programs_on_a_host_have_a_table_each(tmp_path):
    outer, tunnel = outer_and_tunnel()
    pool = Tun("lotor1")
    here, there = client(tmp_path / "client"), GatewayHost(tmp_path / "gateway")

    async def story() -> None:
        await here.attach(attachment(replace(LEASE, split_include=(IPv4Network("10.0.12.0/24"),))))
        await there.start("lotor1", 1300, [IPv4Network("10.50.0.0/24")])
        assert len(tables()) == 3
        tunnel.packets()
        outer.arrive(echo(STRANGER, "10.99.99.3"))
        assert tunnel.packets() == outer.packets() == pool.packets() == []
        await there.stop()
        assert len(tables()) == 2
        outer.arrive(echo(STRANGER, "10.99.99.3"))
        assert tunnel.packets() == outer.packets() == []
        await here.detach(1)

    asyncio.run(story())
    assert tables() == []


@in_namespace
def test_f12_the_next_start_removes_what_a_killed_client_left(tmp_path):
    outer_and_tunnel()
    before = picture()
    child = os.fork()
    if child == 0:
        asyncio.run(client(tmp_path).attach(attachment()))
        os._exit(9)
    os.waitpid(child, 0)
    assert len(tables()) == 2
    assert asyncio.run(client(tmp_path).recover()) > 0
    assert picture() == before


@in_namespace
def test_f12_a_table_that_somebody_else_removed_is_no_fault(tmp_path):
    outer_and_tunnel()
    before, host, told = picture(), client(tmp_path), Told()

    async def story() -> None:
        await host.attach(attachment())
        flush()
        await host.detach(1)

    asyncio.run(story())
    assert (picture(), told.lines) == (before, [])


@pytest.mark.parametrize("value", [0, 2])
@in_namespace
def test_f12_without_nftables_a_strict_reverse_path_filter_stands_in_and_is_told(tmp_path, value):
    outer, tunnel = outer_and_tunnel()
    reverse_path("all", 0)
    switch = reverse_path("outer0", value)
    before, told = {part: picture()[part] for part in ("rule", "-6 rule", "nft")}, Told()
    host = client(tmp_path, Machine(Netlink(), Commands(str(tmp_path / "no-programs"))))

    async def story() -> None:
        await host.attach(attachment())
        tunnel.packets()
        outer.arrive(echo(STRANGER, "10.99.99.3"))
        assert tunnel.packets() == outer.packets() == []
        assert heard("10.99.99.3", outer, reply(DNS, "10.99.99.3")) == b""
        assert heard("10.99.99.3", tunnel, reply(DNS, "10.99.99.3"), 60) == b"the answer"
        await host.attach(attachment(replace(LEASE, address=IPv4Address("10.88.0.3"), split_include=PARTNERS[:1]), 2))
        await host.detach(1)
        assert setting(switch) == "1"
        await host.detach(2)

    asyncio.run(story())
    assert setting(switch) == str(value)
    assert {part: picture()[part] for part in ("rule", "-6 rule", "nft")} == before
    (line,) = {line for line in told.lines if line.startswith("nftables is not used")}
    assert "dropped by rp_filter=1 on outer0 instead" in line


@in_namespace
def test_f12_a_kernel_that_refuses_and_a_switch_that_counts_for_all_are_told(tmp_path):
    outer_and_tunnel()
    reverse_path("all", 2)
    before, told = picture(), Told()
    (tmp_path / "programs").mkdir()
    (tmp_path / "programs" / "nft").write_text("#!/bin/sh\necho 'Operation not supported' >&2\nexit 1\n")
    (tmp_path / "programs" / "nft").chmod(0o755)
    host = client(tmp_path)

    async def story() -> None:
        await host.attach(attachment())
        await host.detach(1)

    asyncio.run(story())
    (line,) = told.lines
    assert "Operation not supported" in line
    assert "are not dropped: set net.ipv4.conf.all.rp_filter to 1, or install nftables" in line
    assert picture() == before


class Inside:
    """A gateway between outer0, whose link leads to everywhere, and inside0."""

    def __init__(self, value: int) -> None:
        self.outer = Tun("outer0", "192.0.2.50/24")
        self.lan = Tun("inside0", "10.0.12.1/24")
        self.tunnel = Tun("lotor0")
        ip("route add default via 192.0.2.1 dev outer0")
        ip("-6 addr add 2001:db8::50/64 dev outer0 nodad")
        ip("-6 route add default via 2001:db8::1 dev outer0")
        ip("-6 addr add fd00:12::1/64 dev inside0 nodad")
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        Path("/proc/sys/net/ipv6/conf/all/forwarding").write_text("1")
        for device in ("all", "outer0", "inside0", "lotor0"):
            reverse_path(device, 0 if device == "all" else value)

    def quiet(self) -> None:
        for device in (self.outer, self.lan, self.tunnel):
            device.packets()

    def passes(self, came: Tun, packet: bytes) -> list[Tun]:
        """The devices on which the packet went on."""
        self.quiet()
        came.arrive(packet)
        size = len(packet)
        devices = (self.outer, self.lan, self.tunnel)
        return [each for each in devices if any(len(one) == size for one in each.packets())]


@pytest.mark.parametrize("value", [0, 2])
@in_namespace
def test_f12_e18_nobody_outside_reaches_a_lease_or_borrows_one(tmp_path, value):
    place = Inside(value)
    outer, lan, tunnel = place.outer, place.lan, place.tunnel
    host = GatewayHost(tmp_path / "run")

    async def story() -> None:
        await host.start("lotor0", 1300, POOL, PARTNERS)
        for source in (STRANGER, LAN, BOB, ALICE, "192.0.2.7", "10.0.12.1"):
            assert place.passes(outer, echo(source, ALICE)) == [], source
        for source in (STRANGER6, LAN6, BOB6, ALICE6, "2001:db8::7", "fd00:12::1"):
            assert place.passes(outer, echo(source, ALICE6)) == [], source
        for source, destination in ((ALICE, LAN), (ALICE6, LAN6), (ALICE, STRANGER), (ALICE, BOB)):
            assert place.passes(outer, echo(source, destination)) == [], source
            assert place.passes(lan, echo(source, destination)) == [], source
        assert place.passes(lan, echo(STRANGER, ALICE)) == []
        for near, far, alice, bob in ((LAN, STRANGER, ALICE, BOB), (LAN6, STRANGER6, ALICE6, BOB6)):
            assert place.passes(lan, echo(near, alice)) == [tunnel]
            assert place.passes(tunnel, echo(alice, near)) == [lan]
            assert place.passes(tunnel, echo(alice, bob)) == [tunnel]
            assert place.passes(tunnel, echo(alice, far)) == [outer]
        await host.stop()
        assert tables() == []

    asyncio.run(story())


@in_namespace
def test_f12_clients_that_send_everything_hear_from_everywhere_by_the_way_that_leads_there(tmp_path):
    place = Inside(0)
    outer, lan, tunnel = place.outer, place.lan, place.tunnel
    asyncio.run(GatewayHost(tmp_path / "run").start("lotor0", 1300, POOL))
    for stranger, near, alice, bob in ((STRANGER, LAN, ALICE, BOB), (STRANGER6, LAN6, ALICE6, BOB6)):
        assert place.passes(outer, echo(stranger, alice)) == [tunnel]
        assert place.passes(lan, echo(near, alice)) == [tunnel]
        assert place.passes(lan, echo(stranger, alice)) == []
        assert place.passes(outer, echo(near, alice)) == []
        assert place.passes(outer, echo(bob, alice)) == []


@in_namespace
def test_f12_a_pool_inside_the_lan_is_for_the_whole_lan(tmp_path):
    place = Inside(2)
    Path("/proc/sys/net/ipv4/conf/inside0/proxy_arp").write_text("1")
    pool = pool_networks(IPv4Address("10.0.12.200"), 50)
    asyncio.run(GatewayHost(tmp_path / "run").start("lotor0", 1300, pool, [IPv4Network("10.0.77.0/24")]))
    assert place.passes(place.lan, echo(LAN, "10.0.12.210")) == [place.tunnel]
    assert place.passes(place.tunnel, echo("10.0.12.210", LAN)) == [place.lan]
    assert place.passes(place.tunnel, echo("10.0.12.210", "10.0.12.211")) == [place.tunnel]
    for source in (LAN, "10.0.12.211"):
        assert place.passes(place.outer, echo(source, "10.0.12.210")) == []
    assert place.passes(place.lan, echo("10.0.12.211", LAN)) == []


@in_namespace
def test_f12_a_reload_exchanges_the_table_at_once_and_a_refused_one_leaves_it(tmp_path):
    place = Inside(0)
    host = GatewayHost(tmp_path / "run")
    moments: list[str] = []

    class Watched(Commands):
        async def run(self, name, *arguments, given=""):
            told = await super().run(name, *arguments, given=given)
            moments.append(ruleset())
            return told

    host._machine = Machine(Netlink(), Watched())

    async def story() -> None:
        await host.start("lotor0", 1300, POOL, PARTNERS)
        first = ruleset()
        del moments[:]
        await host.serve([IPv4Network("10.50.0.0/24"), IPv4Network("10.99.99.7/32")], PARTNERS)
        (second,) = moments
        assert "10.50.0.0/24" in second
        assert "fd00:99::/64" not in second
        assert place.passes(place.outer, echo(LAN, "10.50.0.9")) == []
        assert place.passes(place.lan, echo(LAN, "10.50.0.9")) == [place.tunnel]
        assert len(tables()) == 1
        ip("route add 10.60.0.0/24 dev outer0 proto kernel scope link")
        with pytest.raises(OSError, match="File exists"):
            await host.serve([IPv4Network("10.60.0.0/24")], PARTNERS)
        assert place.passes(place.outer, echo(LAN, "10.50.0.9")) == []
        assert [line for line in ruleset().splitlines() if "10.60" in line] == []
        await host.serve(POOL, PARTNERS)
        assert [line for line in ruleset().splitlines() if "counter" not in line] == [
            line for line in first.splitlines() if "counter" not in line
        ]
        await host.stop()

    asyncio.run(story())
    assert tables() == []


@in_namespace
def test_f12_a_gateway_without_nftables_filters_its_way_out(tmp_path):
    place = Inside(0)
    told = Told()
    switch = Path("/proc/sys/net/ipv4/conf/outer0/rp_filter")
    host = GatewayHost(tmp_path / "run", Machine(Netlink(), Commands(str(tmp_path / "no-programs"))))

    async def story() -> None:
        await host.start("lotor0", 1300, POOL, PARTNERS)
        for source in (LAN, BOB):
            assert place.passes(place.outer, echo(source, ALICE)) == []
        assert place.passes(place.outer, echo(ALICE, LAN)) == []
        assert place.passes(place.lan, echo(LAN, ALICE)) == [place.tunnel]
        await host.serve([IPv4Network("10.50.0.0/24")], PARTNERS)
        assert setting(switch) == "1"
        await host.stop()

    asyncio.run(story())
    assert setting(switch) == "0"
    assert [line for line in told.lines if "rp_filter=1 on outer0 instead" in line]
