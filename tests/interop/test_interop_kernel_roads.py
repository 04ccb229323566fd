"""On which roads people come to a gateway whose kernel carries ESP: by IPv6, and many by one NAT address."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from lab.dialling import carries6, dialled, ping
from lab.ikev2 import join, person, prepare
from lab.internet import GATEWAY, GATEWAY6, INSIDE_HOST, INSIDE_HOST6
from lab.kernels import by_kernel, gateway_kernel, gateway_kernel_of_both
from lab.lotor import connect
from lab.node import wait_until
from lab.pings import Pings
from lab.strongswan import Charon
from lab.strongswan_v2 import Client
from lab.wire import Watch

pytestmark = pytest.mark.usefixtures("uml")
INSIDE = f"""network6 fd00:99::1;
split_network include {INSIDE_HOST}/32, 203.0.113.128/25, fd00:113::/64;"""
ELSEWHERE = "203.0.113.200"
"""The host inside, in the other one of both networks of IPv4."""
TWO = "} net6 { remote_ts = ::/0\nesp_proposals = aes256gcm16"
TELLS_WHO_ASKS = f"""
import socket
with socket.create_server(("{INSIDE_HOST}", 8002)) as server:
    print("ready", flush=True)
    while True:
        connection, (address, _) = server.accept()
        with connection:
            connection.sendall(address.encode())
"""


def first_packet(node, *addresses):
    """Whether the very first one to each is answered."""
    return [node.run("ping", "-c1", "-W30", each, check=False).code for each in addresses] == [0] * len(addresses)


def goes_to(node, old, new):
    """It is in another network, as `lab.dialling.moves`, by IPv6."""
    node.ip("address", "add", f"{new}/64", "dev", "eth0")
    node.ip("address", "del", f"{old}/64", "dev", "eth0")


def sessions(gateway):
    """By the address inside."""
    return {each["address"]: each["session"] for each in gateway.sessions()}


def test_by_ipv6_with_both_versions_inside(both_internet, certificates):
    """lotor by native ESP, strongSwan by UDP and with two SA pairs, at a gateway that is one process and narrows what
    they ask for. Nothing outside is larger than `esp_frag`, and both go to another address (MOBIKE)."""
    net, (first, second) = both_internet, both_internet.clients
    net.inside.ip("address", "add", f"{ELSEWHERE}/24", "dev", "eth0")
    program = prepare(net, certificates, more="eap mschapv2, gtc; esp_frag 1400;", inside=INSIDE)
    gateway = by_kernel(program, gateway_kernel_of_both(net), "--single-process")
    client = person(first, certificates, more="eap mschapv2; esp_frag 1400; auto_connect on;", block=GATEWAY6)
    watches = [Watch(net.router, device, GATEWAY6) for device in ("lan0", "lan1")]
    done = connect(client, "alice", "alicepass", GATEWAY6)
    assert done.code == 0, done
    assert first_packet(net.inside, "10.99.99.1", "fd00:99::1")
    assert first_packet(first, INSIDE_HOST, INSIDE_HOST6)
    charon = Charon(second)
    charon.join_v2(certificates / "ca.crt", Client(GATEWAY6, "gw.example.org", vips="0.0.0.0, ::", child=TWO))
    charon.initiate()
    assert first_packet(second, INSIDE_HOST)
    charon.initiate(child="net6")
    assert first_packet(net.inside, "fd00:99::2", "10.99.99.2")
    for number, node in enumerate(net.clients, 1):
        assert ping(node, INSIDE_HOST), gateway.journal()
        assert carries6(net, node, f"fd00:99::{number}")
        assert ping(node, ELSEWHERE)
        assert ping(node, INSIDE_HOST6, "-s", "1300")
    assert [len(each["children"]) for each in sorted(gateway.sessions(), key=lambda each: each["address"])] == [1, 2]
    native, in_udp = (each.stop() for each in watches)
    assert (native.esp > 100, in_udp.esp, native.udp < 10, in_udp.udp > 100) == (True, 0, True, True), (native, in_udp)
    for each in (native, in_udp):
        assert (1300 < each.largest <= 1400, each.fragments) == (True, 0), each
    before = sessions(gateway)
    goes_to(first, "2001:db8:1::10", "2001:db8:1::77")
    goes_to(second, "2001:db8:1::11", "2001:db8:1::78")
    for number, node in enumerate(net.clients, 1):
        assert wait_until(lambda node=node: ping(node, INSIDE_HOST)), gateway.journal()
        assert ping(net.inside, f"fd00:99::{number}")
    assert sessions(gateway) == before
    assert {each["outside"] for each in gateway.sessions()} == {"[2001:db8:1::77]:4500", "[2001:db8:1::78]:4500"}


def missed_at_once(net, people):
    """Each pings the host inside and is pinged from there, all at the same time, and is known there by its address:
    what went wrong."""
    ways = [(node, INSIDE_HOST) for node in people.values()] + [(net.inside, each) for each in people]
    ask = ("socat", "-u", f"TCP:{INSIDE_HOST}:8002", "STDOUT")
    pings = [Pings(*way, 30) for way in ways]
    lost = [f"{each.name}: {numbers}" for each in pings if (numbers := each.lost())]
    with ThreadPoolExecutor(len(people)) as pool:
        known = list(pool.map(lambda node: node.run(*ask).stdout, people.values()))
    silent = [f"{who} is {got or 'silent'}" for who, got in zip(people, known, strict=True) if who != got]
    return lost + silent


def test_many_people_behind_one_address(homes_internet, certificates):
    """The first two have one private address at two homes, and the others have another one: all come by one address of
    a NAT, which forgets all of them at once. Where one leaves the others stay."""
    net = homes_internet
    gateway = by_kernel(prepare(net, certificates), gateway_kernel(net))
    net.inside.start("knows", sys.executable, "-c", TELLS_WHO_ASKS).expect("ready")
    clients = [person(node, certificates) for node in net.clients[:2]]
    for client in clients:
        done = connect(client, "alice", "alicepass")
        assert done.code == 0, done
        assert first_packet(client.node, INSIDE_HOST)
    join(net.clients[2], certificates).initiate()
    assert first_packet(net.inside, "10.99.99.3")
    vpnc = dialled(net.clients[3], certificates, group="dh14", pfs="nopfs")
    assert vpnc.environment()["INTERNAL_IP4_ADDRESS"] == "10.99.99.4"
    people = {f"10.99.99.{number}": node for number, node in enumerate(net.clients, 1)}
    assert len({each["outside"] for each in gateway.sessions()}) == 4
    assert missed_at_once(net, people) == [], gateway.journal()
    net.rebind()
    for node in net.clients:
        assert wait_until(lambda node=node: ping(node, INSIDE_HOST)), gateway.journal()
    assert missed_at_once(net, people) == [], gateway.journal()
    assert clients[0].call("vd", GATEWAY).code == 0
    assert wait_until(lambda: len(gateway.sessions()) == 3)
    del people["10.99.99.1"]
    assert missed_at_once(net, people) == [], gateway.journal()
