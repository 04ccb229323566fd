"""What a person answers: taken as meant, or refused with what to give."""

from __future__ import annotations

from ipaddress import IPv4Network, ip_address, ip_network

import pytest

from lotor.daemon.exits import Exit, StartError
from lotor.init.answers import (
    Client,
    clients_of,
    overlapping,
    pool_of,
    proposed_pool,
    proposed_servers,
    reach_of,
    servers_of,
)

ROUTES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth1\t0063630A\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
"""
"""A default route, and 10.99.99.0/24."""


def test_what_is_right():
    assert pool_of("10.0.0.0/12") == IPv4Network("10.0.0.0/12")
    assert reach_of("all") == reach_of("0.0.0.0/0") == ()
    assert reach_of("192.168.1.0/24, fd00:1::/64") == (ip_network("192.168.1.0/24"), ip_network("fd00:1::/64"))
    assert servers_of("none") == servers_of("") == ()
    assert servers_of("192.168.1.1 fd00::53") == (ip_address("192.168.1.1"), ip_address("fd00::53"))
    assert clients_of("lotor, VPNC") == {Client.LOTOR, Client.VPNC}


@pytest.mark.parametrize(
    ("read", "text", "fault"),
    [
        (pool_of, "10.0.0.0/31", "from /12 to /30"),
        (pool_of, "fd00::/64", "give one of IPv4"),
        (pool_of, "10.99.99.1/24", "did you mean 10.99.99.0/24?"),
        (pool_of, "10.99.99", "is no network: give it like 192.168.1.0/24"),
        (reach_of, "everything", "'everything' is no network"),
        (reach_of, "192.168.1.5/24", "did you mean 192.168.1.0/24?"),
        (servers_of, "dns.example.net", "is no list of DNS servers"),
        (servers_of, "10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4", "3 DNS servers"),
        (clients_of, "beos", "'beos' is no kind of client: give some of lotor,"),
        (clients_of, " , ", "no clients were named"),
    ],
)
def test_what_is_wrong_is_told_with_what_is_right(read, text, fault):
    with pytest.raises(StartError) as caught:
        read(text)
    assert fault in str(caught.value)
    assert caught.value.code is Exit.USAGE


def test_a_pool_that_is_free_is_proposed_and_one_that_is_not_is_found():
    assert proposed_pool("") == "10.99.99.0/24"
    assert proposed_pool(ROUTES) == "10.98.98.0/24"
    assert overlapping(pool_of("10.99.0.0/16"), ROUTES, ()) == "10.99.99.0/24"
    assert overlapping(pool_of("10.98.0.0/16"), ROUTES, reach_of("10.0.0.0/8, fd00::/8")) == "10.0.0.0/8"
    assert overlapping(pool_of("10.98.0.0/16"), ROUTES, ()) is None


def test_the_pool_of_a_gateway_that_runs_is_free_for_it():
    own = ROUTES.replace("eth1", "lotor0")
    assert proposed_pool(own) == "10.99.99.0/24"
    assert overlapping(pool_of("10.99.0.0/16"), own, ()) is None


def test_servers_that_clients_can_ask_are_proposed():
    text = "# x\nnameserver 127.0.0.53\nnameserver 192.168.1.1\nnameserver nonsense\nnameserver 9.9.9.9\nnameserver\n"
    assert proposed_servers(text, ()) == "192.168.1.1, 9.9.9.9"
    assert proposed_servers(text, reach_of("192.168.1.0/24")) == "192.168.1.1"
    assert proposed_servers("", ()) == "none"
