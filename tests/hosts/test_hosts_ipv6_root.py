"""IPv6 in the tunnel, on a client's host and a gateway's in namespaces of their own."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from pathlib import Path

import pytest

from hosts.private_namespace import Tun, in_namespace, ip, picture, send
from hosts.test_hosts_client_root import LEASE, attachment, client
from lotor.hosts.gateway import GatewayHost, pool_networks
from lotor.hosts.routing import OUTER_MARK
from lotor.hosts.sysctl import has_ipv6
from lotor.model.network import Path as OuterPath
from lotor.model.network import Peer

pytestmark = [pytest.mark.root, pytest.mark.skipif(not has_ipv6(), reason="this kernel has no IPv6")]

BOTH = replace(LEASE, address6=IPv6Interface("fd00:99::3/64"))
SPLIT = replace(BOTH, split_include=(IPv4Network("10.0.0.0/8"),), split_include6=(IPv6Network("fd00:7::/32"),))
OUTER6 = OuterPath(Peer(IPv6Address("2001:db8::2"), 4500), Peer(IPv6Address("2001:db8::50"), 4500), floated=True)
SYSCTL = Path("/proc/sys/net/ipv6/conf")


def outer_and_tunnel() -> tuple[Tun, Tun]:
    outer = Tun("outer0", "192.0.2.2/24")
    ip("addr add 2001:db8::2/64 dev outer0 nodad")
    ip("route add default via 192.0.2.1 dev outer0")
    ip("route add default via 2001:db8::1 dev outer0")
    tunnel = Tun("lotor0")
    outer.packets()
    return outer, tunnel


def unicast(tun: Tun) -> list[str]:
    return [address for address in tun.destinations() if not address.startswith("ff0")]


@in_namespace
def test_a_full_tunnel_takes_all_of_it_and_gives_it_back(tmp_path):
    outer, tunnel = outer_and_tunnel()
    before = picture()
    host = client(tmp_path)
    asyncio.run(host.attach(attachment(BOTH)))
    assert "inet6 fd00:99::3/128" in ip("-6 addr show dev lotor0")
    for address in ("2001:db8:7::1", "2001:db8::77", "10.1.1.1"):
        assert send(address) is None
    packets = [packet for packet in tunnel.packets() if packet[0] >> 4 == 6 and packet[24] != 0xFF]
    assert [packet[8:24] for packet in packets] == [IPv6Address("fd00:99::3").packed] * 2
    assert unicast(outer) == []
    asyncio.run(host.detach(1))
    assert picture() == before


@in_namespace
def test_our_own_datagrams_leave_beside_it(tmp_path):
    outer, tunnel = outer_and_tunnel()
    asyncio.run(client(tmp_path).attach(replace(attachment(BOTH), path=OUTER6)))
    assert send("2001:db8:50::50", mark=OUTER_MARK) is None
    assert send("198.51.100.50", mark=OUTER_MARK) is None
    assert unicast(outer) == ["2001:db8:50::50", "198.51.100.50"]
    assert unicast(tunnel) == []


@in_namespace
def test_a_tunnel_over_ipv6_that_carries_none_lets_none_out_but_its_own(tmp_path):
    outer, tunnel = outer_and_tunnel()
    asyncio.run(client(tmp_path).attach(replace(attachment(LEASE), path=OUTER6)))
    assert send("2001:db8::50", mark=OUTER_MARK) is None
    assert send("2001:db8:7::1") is not None
    assert unicast(outer) == ["2001:db8::50"]
    assert unicast(tunnel) == []


@in_namespace
def test_the_next_start_undoes_what_a_killed_daemon_left(tmp_path):
    outer_and_tunnel()
    before = picture()
    child = os.fork()
    if child == 0:
        asyncio.run(client(tmp_path).attach(attachment(BOTH)))
        os._exit(9)
    os.waitpid(child, 0)
    assert picture() != before
    assert asyncio.run(client(tmp_path).recover()) > 0
    assert picture() == before


@in_namespace
def test_a_split_tunnel_takes_its_networks_and_the_dns_servers(tmp_path):
    outer, tunnel = outer_and_tunnel()
    given = replace(SPLIT, dns=(), dns6=(IPv6Address("2001:db8:5::53"),))
    asyncio.run(client(tmp_path).attach(attachment(given)))
    for address in ("fd00:7::1", "2001:db8:5::53", "2001:db8:6::1"):
        assert send(address) is None
    assert unicast(tunnel) == ["fd00:7::1", "2001:db8:5::53"]
    assert unicast(outer) == ["2001:db8:6::1"]
    assert "nameserver 2001:db8:5::53" in (tmp_path / "etc" / "resolv.conf").read_text()


@in_namespace
def test_a_dead_tunnel_lets_nothing_out(tmp_path):
    outer, tunnel = outer_and_tunnel()
    asyncio.run(client(tmp_path).attach(attachment(BOTH)))
    os.close(tunnel.fd)
    assert send("2001:db8:7::1") is not None
    assert unicast(outer) == []


@in_namespace
def test_a_host_without_ipv6_gets_the_rest(tmp_path, caplog):
    _, tunnel = outer_and_tunnel()
    (SYSCTL / "lotor0" / "disable_ipv6").write_text("1")
    asyncio.run(client(tmp_path).attach(attachment(BOTH)))
    assert send("10.1.1.1") is None
    assert tunnel.destinations() == ["10.1.1.1"]
    assert send("2001:db8:7::1") is not None
    assert "this host has IPv6 switched off, so the tunnel is for IPv4 only" in caplog.text


@in_namespace
def test_a_tunnel_too_narrow_for_it_carries_the_rest(tmp_path, caplog):
    outer_and_tunnel()
    asyncio.run(client(tmp_path).attach(replace(attachment(BOTH), mtu=1200)))
    assert "fd00:99" not in ip("-6 addr show dev lotor0")
    assert "an MTU of 1200 is too small for IPv6" in caplog.text


@in_namespace
def test_an_address_this_host_has_already_is_left_out(tmp_path, caplog):
    outer_and_tunnel()
    asyncio.run(client(tmp_path).attach(attachment(replace(BOTH, address6=IPv6Interface("2001:db8::2/64")))))
    assert "10.99.99.3" in ip("addr show dev lotor0")
    assert "assigned the address 2001:db8::2, which this host has already: left out" in caplog.text


@in_namespace
def test_both_pools_of_a_gateway_are_behind_its_device(tmp_path, caplog):
    tunnel = Tun("lotor0")
    before = picture()
    pools = [*pool_networks(IPv4Address("10.99.99.1"), 5), *pool_networks(IPv6Address("fd00:99::1"), 5)]
    host = GatewayHost(tmp_path / "run")
    caplog.set_level("INFO")
    asyncio.run(host.start("lotor0", 1300, pools))
    send("fd00:99::5")
    assert unicast(tunnel)[-1] == "fd00:99::5"
    assert send("fd00:99::6") is not None
    assert "10.99.99.1 to 10.99.99.5 and fd00:99::1 to fd00:99::5 by way of this gateway" in caplog.text
    assert "sysctl -w net.ipv6.conf.all.forwarding=1" in caplog.text
    asyncio.run(host.stop())
    assert picture() == before


@in_namespace
def test_forwarding_that_is_on_needs_no_word(tmp_path, caplog):
    Tun("lotor0")
    (SYSCTL / "all" / "forwarding").write_text("1")
    asyncio.run(GatewayHost(tmp_path / "run").start("lotor0", 1300, pool_networks(IPv6Address("fd00:99::1"), 5)))
    assert "IPv6 forwarding is off" not in caplog.text


@in_namespace
def test_a_gateway_without_ipv6_says_so(tmp_path):
    Tun("lotor0")
    (SYSCTL / "lotor0" / "disable_ipv6").write_text("1")
    with pytest.raises(OSError, match="lotor0 cannot have IPv6: switch it on for this host, or take network6 out"):
        asyncio.run(GatewayHost(tmp_path / "run").start("lotor0", 1300, pool_networks(IPv6Address("fd00:99::1"), 5)))
