"""A client's host in a namespace of its own: what attach changes, where traffic goes, and that all of it is undone."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from pathlib import Path as File

import pytest

from hosts.private_namespace import Tun, datagram, in_namespace, ip, picture, send
from lotor.hosts.changes import Machine
from lotor.hosts.client import LinuxHost
from lotor.hosts.commands import Commands
from lotor.hosts.dns import DnsPlaces
from lotor.hosts.netlink import Netlink, Rule
from lotor.hosts.owner import Owner
from lotor.hosts.routing import OUTER_MARK
from lotor.model.configuration import ModeConfiguration
from lotor.model.network import Path, Peer
from lotor.ports.host import Attachment

pytestmark = pytest.mark.root

GATEWAY = IPv4Address("192.0.2.50")
OUTER = Path(Peer(IPv4Address("192.0.2.2"), 4500), Peer(GATEWAY, 4500), floated=True)
LEASE = ModeConfiguration(IPv4Address("10.99.99.3"), dns=(IPv4Address("10.0.12.1"),), domain=b"example.net")


def client(state: File, machine: Machine | None = None) -> LinuxHost:
    """A host whose DNS is a file in the test's own directory."""
    places = DnsPlaces(state / "etc" / "resolv.conf", state / "no-resolved", init=File("/proc/self/ns/net"))
    places.resolv_conf.parent.mkdir(exist_ok=True, parents=True)
    if not places.resolv_conf.exists():
        places.resolv_conf.write_text("nameserver 192.0.2.1\n")
    return LinuxHost(state / "run", places, machine or Machine(Netlink(), Commands(programs(state), patience=60)))


def programs(state: File) -> str:
    """A search path with nothing but nftables."""
    directory = state / "programs"
    directory.mkdir(exist_ok=True, parents=True)
    if not (directory / "nft").exists():
        (directory / "nft").symlink_to(shutil.which("nft") or "/usr/sbin/nft")
    return str(directory)


def attachment(configuration: ModeConfiguration = LEASE, session: int = 1, device: str = "lotor0") -> Attachment:
    return Attachment(session, device, 1280, OUTER, configuration)


def outer_and_tunnel() -> tuple[Tun, Tun]:
    outer = Tun("outer0", "192.0.2.2/24")
    ip("route add default via 192.0.2.1 dev outer0")
    tunnel = Tun("lotor0")
    outer.packets()
    return outer, tunnel


@in_namespace
def test_a_full_tunnel_has_the_address_the_mtu_and_every_packet(tmp_path):
    outer, tunnel = outer_and_tunnel()
    asyncio.run(client(tmp_path).attach(attachment()))
    shown = ip("addr show dev lotor0")
    assert "inet 10.99.99.3/32" in shown
    assert "mtu 1280" in shown
    assert send("203.0.113.7") is None
    assert send("192.0.2.50") is None
    assert send("192.0.2.77") is None
    assert tunnel.destinations() == ["203.0.113.7", "192.0.2.50", "192.0.2.77"]
    assert outer.destinations() == []


@in_namespace
def test_packets_in_the_tunnel_have_the_leased_address_as_source(tmp_path):
    _, tunnel = outer_and_tunnel()
    asyncio.run(client(tmp_path).attach(attachment()))
    send("203.0.113.7")
    assert [packet[12:16] for packet in tunnel.packets()] == [IPv4Address("10.99.99.3").packed]


@in_namespace
def test_our_own_datagrams_leave_by_the_outer_link(tmp_path):
    outer, tunnel = outer_and_tunnel()
    asyncio.run(client(tmp_path).attach(attachment()))
    assert send("192.0.2.50", 4500, mark=OUTER_MARK) is None
    assert outer.destinations() == ["192.0.2.50"]
    assert tunnel.destinations() == []


@in_namespace
def test_our_own_datagrams_never_enter_the_tunnel(tmp_path):
    outer, tunnel = outer_and_tunnel()
    asyncio.run(client(tmp_path).attach(attachment()))
    ip("route del default")
    assert send("198.51.100.9", 4500, mark=OUTER_MARK) is not None
    assert tunnel.destinations() == outer.destinations() == []


@in_namespace
def test_hostile_routes_on_the_outer_link_pull_nothing_out(tmp_path):
    outer, tunnel = outer_and_tunnel()
    asyncio.run(client(tmp_path).attach(attachment()))
    for network in ("203.0.113.7/32", "0.0.0.0/1", "128.0.0.0/1", "10.0.12.1/32"):
        ip(f"route add {network} via 192.0.2.1 dev outer0")
    ip("addr add 203.0.113.100/24 dev outer0")
    for address in ("203.0.113.7", "203.0.113.8", "198.51.100.1", "10.0.12.1"):
        send(address)
    assert tunnel.destinations() == ["203.0.113.7", "203.0.113.8", "198.51.100.1", "10.0.12.1"]
    assert outer.destinations() == []


@in_namespace
def test_hostile_routes_pull_nothing_out_of_a_split_tunnel(tmp_path):
    outer, tunnel = outer_and_tunnel()
    split = replace(LEASE, split_include=(IPv4Network("203.0.113.0/24"),))
    asyncio.run(client(tmp_path).attach(attachment(split)))
    ip("route add 203.0.113.7/32 via 192.0.2.1 dev outer0")
    send("203.0.113.7")
    assert tunnel.destinations() == ["203.0.113.7"]
    assert outer.destinations() == []


@in_namespace
def test_a_split_tunnel_takes_its_networks_and_the_dns_server_only(tmp_path):
    outer, tunnel = outer_and_tunnel()
    split = replace(LEASE, split_include=(IPv4Network("203.0.113.0/24"),))
    asyncio.run(client(tmp_path).attach(attachment(split)))
    for address in ("203.0.113.7", "10.0.12.1", "198.51.100.1"):
        send(address)
    assert tunnel.destinations() == ["203.0.113.7", "10.0.12.1"]
    assert outer.destinations() == ["198.51.100.1"]


@in_namespace
def test_a_dead_device_stops_traffic_instead_of_leaking_it(tmp_path):
    outer, tunnel = outer_and_tunnel()
    asyncio.run(client(tmp_path).attach(attachment()))
    os.close(tunnel.fd)
    refused = send("203.0.113.7")
    assert refused is not None
    assert outer.destinations() == []


@in_namespace
def test_a_local_network_bypasses_only_when_the_gateway_says_so(tmp_path):
    outer, tunnel = outer_and_tunnel()
    local = replace(LEASE, split_local=(IPv4Network("192.0.2.0/24"),))
    asyncio.run(client(tmp_path).attach(attachment(local)))
    send("192.0.2.77")
    send("203.0.113.7")
    assert outer.destinations() == ["192.0.2.77"]
    assert tunnel.destinations() == ["203.0.113.7"]


@in_namespace
def test_the_lan_bypasses_when_it_is_private_and_not_when_it_is_public(tmp_path):
    outer, tunnel = outer_and_tunnel()
    ip("addr add 192.168.7.2/24 dev outer0")
    local = replace(LEASE, split_local=(IPv4Network("0.0.0.0/32"),))
    asyncio.run(client(tmp_path).attach(attachment(local)))
    send("192.168.7.9")
    send("192.0.2.77")
    assert outer.destinations() == ["192.168.7.9"]
    assert tunnel.destinations() == ["192.0.2.77"]


@in_namespace
def test_loopback_is_untouched(tmp_path):
    outer_and_tunnel()
    asyncio.run(client(tmp_path).attach(attachment()))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(60)
        send("127.0.0.1", listener.getsockname()[1])
        assert listener.recv(100) == b"in clear?"


@in_namespace
def test_a_full_tunnel_lets_no_ipv6_out_and_a_split_tunnel_does(tmp_path):
    outer, _ = outer_and_tunnel()
    ip("addr add 2001:db8:1::2/64 dev outer0 nodad")
    ip("-6 route add default via 2001:db8:1::1 dev outer0")
    host = client(tmp_path)
    asyncio.run(host.attach(attachment()))
    assert send("2001:db8:2::7") is not None
    assert send("2001:db8:1::7") is not None
    assert outer.destinations() == []
    asyncio.run(host.attach(attachment(replace(LEASE, split_include=(IPv4Network("203.0.113.0/24"),)))))
    assert send("2001:db8:2::7") is None
    assert outer.destinations() == ["2001:db8:2::7"]


@in_namespace
def test_a_gateway_reached_by_ipv6_is_still_reached(tmp_path):
    outer, _ = outer_and_tunnel()
    ip("addr add 2001:db8:1::2/64 dev outer0 nodad")
    path = Path(Peer(IPv6Address("2001:db8:1::2"), 4500), Peer(IPv6Address("2001:db8:1::50"), 4500), floated=True)
    asyncio.run(client(tmp_path).attach(replace(attachment(), path=path)))
    assert send("2001:db8:1::50", 4500, mark=OUTER_MARK) is None
    assert outer.destinations() == ["2001:db8:1::50"]


@in_namespace
def test_a_strict_reverse_path_filter_lets_the_gateway_in_and_no_one_else(tmp_path):
    outer, _ = outer_and_tunnel()
    File("/proc/sys/net/ipv4/conf/all/rp_filter").write_text("1")
    asyncio.run(client(tmp_path).attach(attachment()))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("192.0.2.2", 4500))
        listener.settimeout(60)
        os.write(outer.fd, datagram(("192.0.2.50", 9999), ("192.0.2.2", 4500), b"stranger"))
        os.write(outer.fd, datagram(("192.0.2.50", 4500), ("192.0.2.2", 4500), b"gateway"))
        assert listener.recv(100) == b"gateway"


@in_namespace
def test_neighbours_find_a_host_with_a_strict_reverse_path_filter_and_get_nothing_else(tmp_path):
    tunnel = Tun("lotor0")
    with subprocess.Popen(["unshare", "-n", "sleep", "100"]) as neighbour:
        try:
            ip("link add outer0 type veth peer name theirs")
            _until(lambda: File(f"/proc/{neighbour.pid}/ns/net").stat().st_ino != Owner.myself().namespace)
            ip(f"link set theirs netns {neighbour.pid}")
            there = ["nsenter", "-t", str(neighbour.pid), "-n", "ip"]
            subprocess.run([*there, "addr", "add", "192.0.2.1/24", "dev", "theirs"], check=True)
            subprocess.run([*there, "link", "set", "theirs", "up"], check=True)
            ip("addr add 192.0.2.2/24 dev outer0")
            ip("link set outer0 up")
            ip("route add default via 192.0.2.1")
            File("/proc/sys/net/ipv4/conf/all/rp_filter").write_text("1")
            asyncio.run(client(tmp_path).attach(attachment()))
            subprocess.run([*there[:-1], "ping", "-c1", "-W1", "192.0.2.2"], check=False, capture_output=True)
            neighbours = [*there, "neigh", "show", "192.0.2.2"]
            _until(lambda: "lladdr" in subprocess.check_output(neighbours, text=True))
            tunnel.packets()
            assert send("192.0.2.1") is None
            with socket.socket() as stream:
                stream.setblocking(False)
                stream.connect_ex(("192.0.2.1", 80))
            assert tunnel.destinations() == ["192.0.2.1", "192.0.2.1"]
        finally:
            neighbour.kill()


@pytest.mark.parametrize(
    "configuration",
    [
        LEASE,
        replace(LEASE, split_include=(IPv4Network("203.0.113.0/24"), IPv4Network("10.0.0.0/8"))),
        replace(LEASE, split_local=(IPv4Network("192.168.7.0/24"), IPv4Network("0.0.0.0/32"))),
        replace(LEASE, split_include=(IPv4Network("0.0.0.0/1"), IPv4Network("128.0.0.0/1")), dns=()),
    ],
    ids=["full", "split", "local", "halves"],
)
def test_detach_leaves_everything_as_it_was(tmp_path, configuration):
    @in_namespace
    def body() -> None:
        outer_and_tunnel()
        host = client(tmp_path)
        resolv = tmp_path / "etc" / "resolv.conf"
        before, file = picture(), resolv.stat()
        asyncio.run(host.attach(attachment(configuration)))
        assert picture() != before
        asyncio.run(host.detach(1))
        assert picture() == before
        assert (resolv.stat().st_ino, resolv.stat().st_mtime_ns) == (file.st_ino, file.st_mtime_ns)
        assert list((tmp_path / "run").iterdir()) == []
        asyncio.run(host.detach(1))
        assert picture() == before

    body()


@in_namespace
def test_recover_undoes_what_a_killed_daemon_left(tmp_path):
    outer_and_tunnel()
    before = picture()
    host = client(tmp_path)
    _killed_after(lambda: asyncio.run(client(tmp_path).attach(attachment())))
    assert picture() != before
    assert "lotor" in (tmp_path / "etc" / "resolv.conf").read_text()
    assert asyncio.run(host.recover()) > 5
    assert picture() == before
    assert (tmp_path / "etc" / "resolv.conf").read_text() == "nameserver 192.0.2.1\n"
    assert asyncio.run(host.recover()) == 0


@pytest.mark.parametrize("survived", range(0, 12, 2))
def test_recover_undoes_a_daemon_killed_half_way(tmp_path, survived):
    class Killed(Netlink):
        calls = 0

        async def add_rule(self, rule: Rule) -> None:
            await super().add_rule(rule)
            Killed.calls += 1
            if Killed.calls > survived:
                os._exit(9)

    @in_namespace
    def body() -> None:
        outer_and_tunnel()
        before = picture()
        machine = Machine(Killed(), Commands(str(tmp_path)))
        _killed_after(lambda: asyncio.run(client(tmp_path, machine).attach(attachment())))
        assert picture() != before
        assert asyncio.run(client(tmp_path).recover()) > 0
        assert picture() == before

    body()


@in_namespace
def test_recover_leaves_a_living_daemon_alone(tmp_path):
    outer_and_tunnel()
    host = client(tmp_path)
    asyncio.run(host.attach(attachment()))
    during = picture()
    _killed_after(lambda: sys.exit(asyncio.run(client(tmp_path).recover())), status=0)
    assert picture() == during
    assert "lotor" in (tmp_path / "etc" / "resolv.conf").read_text()


@in_namespace
def test_recover_touches_no_later_device_of_the_same_name(tmp_path):
    _, tunnel = outer_and_tunnel()
    _killed_after(lambda: asyncio.run(client(tmp_path).attach(attachment())))
    os.close(tunnel.fd)
    later = Tun("lotor0", "10.99.99.3/32")
    asyncio.run(client(tmp_path).recover())
    assert "inet 10.99.99.3/32" in ip(f"addr show dev {later.name}")
    assert "UP" in ip(f"link show dev {later.name}")


@in_namespace
def test_a_refused_change_is_told_and_takes_the_others_back(tmp_path):
    class Refusing(Netlink):
        async def add_rule(self, rule: Rule) -> None:
            if rule.priority >= 21860:
                raise OSError(1, "routing rule was refused: Operation not permitted")
            await super().add_rule(rule)

    outer_and_tunnel()
    before = picture()
    host = client(tmp_path, Machine(Refusing(), Commands(str(tmp_path))))
    with pytest.raises(OSError, match="rule was refused"):
        asyncio.run(host.attach(attachment()))
    assert picture() == before


@in_namespace
def test_an_attach_cut_short_takes_everything_back(tmp_path):
    class Slow(Netlink):
        async def add_rule(self, rule: Rule) -> None:
            await super().add_rule(rule)
            begun.set()
            await asyncio.sleep(3600)

    begun = asyncio.Event()

    async def interrupted() -> None:
        host = client(tmp_path, Machine(Slow(), Commands(str(tmp_path))))
        task = asyncio.create_task(host.attach(attachment()))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    outer_and_tunnel()
    before = picture()
    asyncio.run(interrupted())
    assert picture() == before


@in_namespace
def test_undoing_goes_on_past_what_cannot_be_undone_and_tries_again_later(tmp_path):
    class Stubborn(Netlink):
        async def remove_rule(self, rule: Rule) -> None:
            if rule.priority == 21000:
                raise OSError(16, "routing rule 21000 was not removed: busy")
            await super().remove_rule(rule)

    outer_and_tunnel()
    before = picture()
    host = client(tmp_path, Machine(Stubborn(), Commands(str(tmp_path))))

    def come_and_go() -> None:
        asyncio.run(host.attach(attachment()))
        asyncio.run(host.detach(1))

    _killed_after(come_and_go)
    assert "21000" in ip("rule")
    assert "21860" not in ip("rule")
    assert asyncio.run(client(tmp_path).recover()) == 2
    assert picture() == before


@in_namespace
def test_an_address_the_device_has_already_is_not_ours_to_remove(tmp_path):
    outer_and_tunnel()
    ip("addr add 10.99.99.3/32 dev lotor0")
    host = client(tmp_path)
    asyncio.run(host.attach(attachment()))
    asyncio.run(host.detach(1))
    assert "inet 10.99.99.3/32" in ip("addr show dev lotor0")


@in_namespace
def test_two_connections_share_a_host_and_leave_it_one_by_one(tmp_path):
    outer, tunnel = outer_and_tunnel()
    other = Tun("lotor1")
    before = picture()
    host = client(tmp_path)
    split = ModeConfiguration(IPv4Address("10.99.99.4"), split_include=(IPv4Network("203.0.113.0/24"),))

    async def both() -> None:
        await host.attach(attachment())
        await host.attach(attachment(split, 2, "lotor1"))

    asyncio.run(both())
    send("203.0.113.7")
    send("198.51.100.7")
    assert other.destinations() == ["203.0.113.7"]
    assert tunnel.destinations() == ["198.51.100.7"]
    asyncio.run(host.detach(1))
    send("203.0.113.7")
    send("198.51.100.7")
    assert other.destinations() == ["203.0.113.7"]
    assert outer.destinations() == ["198.51.100.7"]
    asyncio.run(host.detach(2))
    assert picture() == before


@in_namespace
def test_two_full_tunnels_are_refused_and_the_first_goes_on(tmp_path):
    outer_and_tunnel()
    Tun("lotor1")
    host = client(tmp_path)
    asyncio.run(host.attach(attachment()))
    during = picture()
    with pytest.raises(OSError, match="carries all traffic"):
        asyncio.run(host.attach(attachment(replace(LEASE, address=IPv4Address("10.99.99.4")), 2, "lotor1")))
    assert picture() == during


def split(address: str, *networks: str, **more) -> ModeConfiguration:
    include = tuple(map(IPv4Network, networks))
    return ModeConfiguration(IPv4Address(address), split_include=include, **more)


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_of_overlapping_networks_the_more_specific_one_wins_whichever_came_first(tmp_path, order):
    wanted = {
        1: attachment(split("10.99.99.3", "10.0.0.0/8", "203.0.113.0/24"), 1),
        2: attachment(split("10.98.0.1", "10.1.0.0/16", "10.1.2.128/25"), 2, "lotor1"),
    }

    @in_namespace
    def body() -> None:
        outer, tunnel = outer_and_tunnel()
        other = Tun("lotor1")
        before, host = picture(), client(tmp_path)
        for number in order:
            asyncio.run(host.attach(wanted[number]))
        for address in ("10.1.9.9", "10.2.0.1", "203.0.113.7", "198.51.100.7"):
            send(address)
        assert other.destinations() == ["10.1.9.9"]
        assert tunnel.destinations() == ["10.2.0.1", "203.0.113.7"]
        assert outer.destinations() == ["198.51.100.7"]
        asyncio.run(host.detach(2))
        send("10.1.9.9")
        assert tunnel.destinations() == ["10.1.9.9"]
        asyncio.run(host.detach(1))
        assert picture() == before

    body()


@in_namespace
def test_the_same_network_twice_is_refused_and_a_part_of_them_is_told(tmp_path, caplog):
    """By connections of two processes, too: the kernel knows both."""
    _, tunnel = outer_and_tunnel()
    other = Tun("lotor1")
    dns = (IPv4Address("10.0.12.1"),)
    asyncio.run(client(tmp_path).attach(attachment(split("10.99.99.3", "203.0.113.0/24", dns=dns))))
    during, second = picture(), client(tmp_path)
    with pytest.raises(OSError, match=r"leads to 203\.0\.113\.0/24 already: disconnect it first"):
        asyncio.run(second.attach(attachment(split("10.98.0.1", "203.0.113.0/24"), 1, "lotor1")))
    assert picture() == during
    both = split("10.98.0.1", "203.0.113.0/24", "198.51.100.0/24", dns=dns)
    asyncio.run(second.attach(attachment(both, 1, "lotor1")))
    assert "203.0.113.0/24: reached by the connection that was there before" in caplog.text
    assert "DNS server 10.0.12.1: asked through the connection before" in caplog.text
    send("203.0.113.7")
    send("198.51.100.7")
    assert (tunnel.destinations(), other.destinations()) == (["203.0.113.7"], ["198.51.100.7"])


@in_namespace
def test_a_killed_connection_takes_its_own_lines_out_of_resolv_conf(tmp_path):
    outer_and_tunnel()
    Tun("lotor1")
    one = split("10.99.99.3", "10.0.0.0/8", dns=(IPv4Address("10.0.12.1"),))
    other = split("10.98.0.1", "203.0.113.0/24", dns=(IPv4Address("203.0.113.10"),))
    resolv = tmp_path / "etc" / "resolv.conf"
    _killed_after(lambda: asyncio.run(client(tmp_path).attach(attachment(one))))
    host = client(tmp_path)
    asyncio.run(host.attach(attachment(other, 1, "lotor1")))
    assert resolv.read_text().splitlines()[-2:] == ["nameserver 10.0.12.1", "nameserver 203.0.113.10"]
    assert asyncio.run(client(tmp_path).recover()) > 5
    assert "10.0.12.1" not in resolv.read_text()
    assert resolv.read_text().splitlines()[-1] == "nameserver 203.0.113.10"
    asyncio.run(host.detach(1))
    assert resolv.read_text() == "nameserver 192.0.2.1\n"


@in_namespace
def test_what_a_full_tunnel_leaves_beside_it_is_nothing_of_another_connection(tmp_path):
    outer, tunnel = outer_and_tunnel()
    other = Tun("lotor1")
    ip("addr add 192.168.7.2/24 dev outer0")
    File("/proc/sys/net/ipv4/conf/all/rp_filter").write_text("1")
    host = client(tmp_path)
    local = replace(LEASE, split_local=(IPv4Network("0.0.0.0/32"),))
    asyncio.run(host.attach(attachment(local)))
    asyncio.run(host.attach(attachment(split("10.98.0.1", "192.168.7.128/25", "192.0.2.0/25"), 2, "lotor1")))
    for address in ("192.168.7.200", "192.168.7.9", "192.0.2.7", "192.0.2.177"):
        send(address)
    assert other.destinations() == ["192.168.7.200", "192.0.2.7"]
    assert outer.destinations() == ["192.168.7.9"]
    assert tunnel.destinations() == ["192.0.2.177"]


@in_namespace
def test_two_connections_on_one_device_leave_it_as_it_was(tmp_path):
    outer_and_tunnel()
    before, host = picture(), client(tmp_path)
    asyncio.run(host.attach(attachment(split("10.99.99.3", "10.0.0.0/8"), 1)))
    with pytest.raises(OSError, match="already, perhaps by another connection"):
        asyncio.run(host.attach(attachment(split("10.99.99.3", "203.0.113.0/24"), 2)))
    asyncio.run(host.attach(attachment(split("10.98.0.1", "203.0.113.0/24"), 2)))
    asyncio.run(host.detach(1))
    assert "UP" in ip("link show dev lotor0")
    asyncio.run(host.detach(2))
    assert picture() == before


@in_namespace
def test_a_resolv_conf_left_over_a_reboot_is_restored(tmp_path):
    outer_and_tunnel()
    _killed_after(lambda: asyncio.run(client(tmp_path).attach(attachment())))
    for journal in (tmp_path / "run").iterdir():
        journal.unlink()
    assert asyncio.run(client(tmp_path).recover()) == 1
    assert (tmp_path / "etc" / "resolv.conf").read_text() == "nameserver 192.0.2.1\n"


@in_namespace
def test_the_hosts_own_resolv_conf_is_not_changed_from_a_network_namespace(tmp_path):
    outer_and_tunnel()
    resolv = tmp_path / "resolv.conf"
    resolv.write_text("nameserver 192.0.2.1\n")
    named = tmp_path / "netns"
    named.mkdir()
    (named / "client").touch()
    subprocess.run(["mount", "--bind", "/proc/self/ns/net", named / "client"], check=True)
    host = LinuxHost(tmp_path / "run", DnsPlaces(resolv, namespaces=named), Machine(Netlink(), Commands(str(tmp_path))))
    asyncio.run(host.attach(attachment()))
    assert resolv.read_text() == "nameserver 192.0.2.1\n"
    asyncio.run(host.detach(1))
    (tmp_path / "own").write_text("nameserver 192.0.2.9\n")
    subprocess.run(["mount", "--bind", tmp_path / "own", resolv], check=True)
    asyncio.run(host.attach(attachment()))
    assert "nameserver 10.0.12.1" in resolv.read_text()
    asyncio.run(host.detach(1))
    assert resolv.read_text() == "nameserver 192.0.2.9\n"


@in_namespace
def test_dns_that_cannot_be_changed_costs_no_tunnel(tmp_path):
    _, tunnel = outer_and_tunnel()
    host = client(tmp_path)
    resolv = tmp_path / "etc" / "resolv.conf"
    resolv.unlink()
    resolv.mkdir()
    asyncio.run(host.attach(attachment()))
    send("203.0.113.7")
    assert tunnel.destinations() == ["203.0.113.7"]
    asyncio.run(host.detach(1))
    assert resolv.is_dir()
    assert [file.read_text() for file in (tmp_path / "run").iterdir()] == []


@in_namespace
def test_attaching_the_same_again_changes_nothing_and_anew_replaces(tmp_path):
    outer_and_tunnel()
    before = picture()
    host = client(tmp_path)
    asyncio.run(host.attach(attachment()))
    during = picture()
    asyncio.run(host.attach(attachment()))
    assert picture() == during
    asyncio.run(host.attach(attachment(replace(LEASE, address=IPv4Address("10.99.99.4")))))
    assert "10.99.99.4/32" in ip("addr show dev lotor0")
    assert "10.99.99.3/32" not in ip("addr show dev lotor0")
    asyncio.run(host.detach(1))
    assert picture() == before


@in_namespace
def test_a_missing_device_is_named(tmp_path):
    with pytest.raises(OSError, match="the device lotor0 was not found"):
        asyncio.run(client(tmp_path).attach(attachment()))


@in_namespace
def test_an_address_of_this_host_is_refused(tmp_path):
    outer_and_tunnel()
    before = picture()
    taken = attachment(replace(LEASE, address=IPv4Address("192.0.2.2")))
    with pytest.raises(OSError, match="this host has already"):
        asyncio.run(client(tmp_path).attach(taken))
    with pytest.raises(OSError, match="this host has already"):
        asyncio.run(client(tmp_path).admit(taken))
    asyncio.run(client(tmp_path).admit(attachment()))
    assert picture() == before


def _until(true) -> None:
    for _ in range(6000):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("waited in vain")


def _killed_after(body, status: int | None = None) -> None:
    """A process of its own that ends without cleaning up, as kill -9 does."""
    child = os.fork()
    if child == 0:
        code = 7
        try:
            body()
        except SystemExit as end:
            code = end.code or 0
        finally:
            os._exit(code)
    _, ended = os.waitpid(child, 0)
    if status is not None:
        assert os.waitstatus_to_exitcode(ended) == status
