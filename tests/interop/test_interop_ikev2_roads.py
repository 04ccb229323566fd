"""strongSwan at lotor's gateway over IKEv2, on bad roads: routers that drop and forget, addresses that change, keys
that the gateway renews, strangers by the hundred, and a gateway that is killed."""

from __future__ import annotations

import re
import signal
import sys

import recordings_v2
from lab.dialling import carries, carries6, moves, ping
from lab.ikev2 import join, serve
from lab.internet import GATEWAY, INSIDE_HOST, INSIDE_HOST6
from lab.node import wait_until
from lab.pings import Pings
from lab.strongswan_v2 import SUITE

FLOOD = """
import os, socket, sys, time
message, lines = bytes.fromhex(sys.argv[2]), []
for number in range(100, 200):
    line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    line.bind((f"192.0.2.{number}", 0))
    line.setblocking(False)
    lines.append(line)
while True:
    for line in lines:
        line.sendto(os.urandom(8) + message[8:], (sys.argv[1], 500))
    time.sleep(0.5)
    for line in lines:
        try:
            if line.recv(2048)[34:36] == bytes((0x40, 0x06)):
                print("a cookie", flush=True)
        except BlockingIOError:
            pass
"""
"""A hundred strangers, each with two first messages of IKEv2 a second that nobody sent before. They tell of cookies,
which they never send back."""
OF_THEIR_OWN = "ip saddr 192.0.2.100-192.0.2.149 accept"
"""Half of them have addresses of their own; the others are behind the NAT of the clients."""


def joined(node, certificates, **options):
    client = join(node, certificates, **options)
    assert "completed successfully" in client.initiate()
    assert ping(node, INSIDE_HOST)
    return client


def test_a_router_that_drops_large_datagrams_is_passed(broken_internet, certificates):
    gateway = serve(broken_internet, certificates)
    joined(broken_internet.client, certificates, fragment_size=576)
    assert len(gateway.sessions()) == 1
    assert broken_internet.dropped().fragments == 0


def test_two_devices_of_one_person_behind_one_nat(internet, certificates):
    """The other one asks for its SA pair after IKE_AUTH (RFC 6023)."""
    gateway = serve(internet, certificates)
    for node, proposals in zip(internet.clients, (SUITE, f"{SUITE}\n    childless = force"), strict=True):
        joined(node, certificates, proposals=proposals)
    assert sorted(each["address"] for each in gateway.sessions()) == ["10.99.99.1", "10.99.99.2"]
    assert all(ping(node, INSIDE_HOST) for node in internet.clients)


def test_a_tunnel_outlives_its_keys_its_nat_and_its_address(internet, certificates):
    """The gateway renews: with PFS where the client knows it, else without. The second client says nothing after its
    NAT has forgotten it: its IKE SA may end meanwhile."""
    net, (first, second) = internet, internet.clients
    lives = ("eap mschapv2, gtc; ike2_lifetime 9 sec;", "", "lifetime time 6 sec; pfs_group ecp384;")
    gateway = serve(net, certificates, *lives)
    strict = joined(first, certificates, esp="aes256gcm16-ecp384", dpd=2)
    plain = joined(second, certificates)
    before = {each["address"]: each for each in gateway.sessions()}
    streams = [Pings(node, INSIDE_HOST, 600, 0.02) for node in (first, second)]
    assert [each.lost() for each in streams] == [[], []], (gateway.journal(), strict.journal())
    assert "ECP_384" in strict.sessions().split("net:")[1]
    assert "ECP_384" not in plain.sessions().split("net:")[1]
    assert gateway.journal().count("IKE SA renewed") >= 2
    assert {each["address"]: each["session"] for each in gateway.sessions()} == {
        address: each["session"] for address, each in before.items()
    }
    assert carries(net, first, "10.99.99.1")

    net.rebind()
    assert wait_until(lambda: ping(first, INSIDE_HOST)), "the NAT forgot its ports"
    moves(first, "198.51.100.77")
    assert wait_until(lambda: ping(first, INSIDE_HOST)), strict.journal()
    (moved,) = [each for each in gateway.sessions() if each["address"] == "10.99.99.1"]
    assert moved["session"] == before["10.99.99.1"]["session"]
    assert moved["outside"] != before["10.99.99.1"]["outside"]
    assert gateway.journal().count("accounting start") == 2
    assert not re.search(r"accounting stop .* inside=10\.99\.99\.1 ", gateway.journal())


def test_both_versions_of_ip_outlive_their_keys(both_internet, certificates):
    """One client has IPv4 and IPv6 in one SA pair, the other one in two."""
    net, (first, second) = both_internet, both_internet.clients
    lives = ("eap mschapv2, gtc; ike2_lifetime 5 sec;", "network6 fd00:99::1;", "lifetime time 4 sec;")
    gateway = serve(net, certificates, *lives)
    joined(first, certificates, vips="0.0.0.0, ::", networks="0.0.0.0/0, ::/0")
    two = "} net6 { remote_ts = ::/0\nesp_proposals = aes256gcm16"
    other = joined(second, certificates, vips="0.0.0.0, ::", child=two)
    assert "completed successfully" in other.initiate(child="net6")
    before = {each["address"]: each for each in gateway.sessions()}
    assert {address: len(each["children"]) for address, each in before.items()} == {"10.99.99.1": 1, "10.99.99.2": 2}
    streams = [Pings(node, host, 300, 0.02) for node in net.clients for host in (INSIDE_HOST, INSIDE_HOST6)]
    assert [each.lost() for each in streams] == [[], [], [], []], gateway.journal()
    assert {each["address"]: each["session"] for each in gateway.sessions()} == {
        address: each["session"] for address, each in before.items()
    }
    assert carries6(net, second, "fd00:99::2")


def test_strangers_by_the_hundred_keep_nobody_out(internet, certificates):
    gateway, router = serve(internet, certificates), internet.router
    for number in range(100, 200):
        router.ip("address", "add", f"192.0.2.{number}/24", "dev", "wan")
    router.run("nft", "insert", "rule", "ip", "lab", "leave", *OF_THEIR_OWN.split())
    (sa, *_) = recordings_v2.load("suite-aes256gcm16-prfsha384-ecp384")["ike_sas"]
    flood = router.start("flood", sys.executable, "-c", FLOOD, GATEWAY, sa["message_1"])
    flood.expect("a cookie")
    joined(internet.client, certificates)
    flood.stop()
    gateway.running.expect("many first messages of strangers")
    assert [each["user"] for each in gateway.sessions() if each["state"] == "up"] == ["alice"]


def test_a_gateway_that_is_killed_gets_its_client_back(internet, certificates):
    """What nobody proved ends nothing: strongSwan goes on until its own questions are not answered."""
    gateway = serve(internet, certificates)
    client = joined(internet.client, certificates, dpd=2, tries=1, child="dpd_action = restart")
    (first,) = (each for each in gateway.sessions() if each["user"])
    gateway.running.stop(signal.SIGKILL)
    gateway.start()
    client.running.expect("received unencrypted informational")
    assert "ESTABLISHED" in client.sessions()
    assert wait_until(lambda: ping(internet.client, INSIDE_HOST), 60), client.journal()
    (back,) = (each for each in gateway.sessions() if each["user"])
    assert back["address"] == first["address"]
