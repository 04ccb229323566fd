"""A client asks by DHCPINFORM through the tunnel: the engine answers it, and hands everything else on."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP

from lotor.model.child import Informed

CLIENT, SERVER = IPv4Address("10.99.99.1"), IPv4Address("192.0.2.50")
ROUTES = bytes((8, 10, 0, 0, 0, 0))
INFORMED = Informed(CLIENT, SERVER, ((249, ROUTES), (6, bytes((10, 0, 0, 53))), (15, b"example.net")))
EVERYWHERE = (IPv4Network("0.0.0.0/0"),)


def asking(kind="inform", to="255.255.255.255", wanted=(6, 249, 15), **fields):
    options = [("message-type", kind), ("vendor_class_id", b"MSFT 5.0"), ("param_req_list", list(wanted)), "end"]
    message = BOOTP(ciaddr=str(CLIENT), chaddr=b"\x02\0\0\0\0\x07", xid=0x12345678, **fields) / DHCP(options=options)
    return IP(bytes(IP(src=str(CLIENT), dst=to) / UDP(sport=68, dport=67) / message))


@pytest.fixture
def windows(bench, client):
    """Its end of an SA pair that carries everything."""
    return client(bench.install(local_networks=EVERYWHERE, informed=INFORMED))


def test_a_question_is_answered_into_the_tunnel_and_goes_no_further(bench, windows, ping):
    bench.arrive(windows.seal(asking()))
    answer = windows.open(bench.came_outside())
    assert (answer.src, answer.dst, answer[UDP].sport, answer[UDP].dport) == (str(SERVER), str(CLIENT), 67, 68)
    assert (answer[BOOTP].op, answer[BOOTP].xid, answer[BOOTP].ciaddr) == (2, 0x12345678, str(CLIENT))
    told = bytes(answer[DHCP])
    for option in (b"\x35\x01\x05", bytes((249, 6)) + ROUTES, b"\x06\x04\x0a\x00\x00\x35", b"\x0f\x0bexample.net"):
        assert option in told
    bench.arrive(windows.seal(ping()))
    assert bench.came_inside() == bytes(ping()), "the question came inside"
    assert bench.engine.counters(1).packets_out == 1


@pytest.mark.parametrize(
    "packet",
    [asking("discover"), asking("request"), asking(giaddr="10.0.0.1"), asking(to="203.0.113.67")],
    ids=["discover", "request", "by a relay", "to a server"],
)
def test_whatever_else_comes_goes_on(bench, windows, ping, packet):
    bench.arrive(windows.seal(packet))
    bench.arrive(windows.seal(ping()))
    assert bench.came_inside() == bytes(packet)
    assert bench.came_inside() == bytes(ping())
    assert bench.engine.counters(1).packets_out == 0


def test_switched_off_a_relay_inside_hears_the_question(bench, client):
    peer = client(bench.install(local_networks=EVERYWHERE))
    bench.arrive(peer.seal(asking()))
    assert bench.came_inside() == bytes(asking())


def test_a_flood_of_questions_keeps_nobody_from_traffic(bench, windows, ping):
    for _ in range(300):
        bench.arrive(windows.seal(asking()))
    bench.arrive(windows.seal(ping()))
    assert bench.came_inside() == bytes(ping())
    assert 1 <= bench.engine.counters(1).packets_out < 300
