"""IPv6 inside and outside the tunnel, with lotor and with strongSwan."""

from __future__ import annotations

from lab import lotor
from lab.dialling import carries, carries6, road_warrior, serve
from lab.internet import GATEWAY
from lab.node import wait_until
from lab.strongswan import Charon

POOL6 = "10.99.99.1; network6 fd00:99::1; dns6 fd00:113::53"
"""What the HOW-TO's gateway has for network4, with IPv6 beside it."""


def test_both_inside_over_ipv4_and_no_trace_of_it(both_internet, certificates):
    gateway = serve(both_internet, certificates, network4=POOL6)
    before = lotor.traces(both_internet.client)
    client = road_warrior(both_internet.client, certificates)
    done = lotor.connect(client, "alice", "alicepass")
    assert done.code == 0, done
    assert done.stdout.startswith("Bound to address 10.99.99.1\nBound to address fd00:99::1\n")
    assert carries(both_internet, both_internet.client, "10.99.99.1")
    assert carries6(both_internet, both_internet.client, "fd00:99::1")
    assert "nameserver fd00:113::53" in both_internet.client.path("/etc/resolv.conf").read_text()
    (session,) = gateway.sessions()
    assert (session["address"], session["address6"]) == ("10.99.99.1", "fd00:99::1")
    assert "fd00:99::1" in client.call("status").stdout
    assert client.call("vd", GATEWAY).stdout == "VPN connection terminated\n"
    assert wait_until(lambda: gateway.sessions() == [])
    assert client.stop() == 0
    assert lotor.traces(both_internet.client) == before


def test_a_strongswan_client_with_both_inside(both_internet, certificates):
    gateway = serve(both_internet, certificates, network4=POOL6)
    client = Charon(both_internet.client)
    client.join(
        certificates / "ca.crt",
        GATEWAY,
        identity="CN=gateway",
        user="alice",
        password="alicepass",
        proposals="aes128-sha1-modp1024",
        esp="aes128-sha1-modp1024",
        ipv6="yes",
    )
    assert "completed successfully" in client.initiate()
    assert "completed successfully" in client.initiate(child="net6")
    assert "fd00:99::1/128" in both_internet.client.run("ip", "-br", "address").stdout
    assert carries(both_internet, both_internet.client, "10.99.99.1")
    assert carries6(both_internet, both_internet.client, "fd00:99::1")
    (session,) = gateway.sessions()
    assert (session["address"], session["address6"]) == ("10.99.99.1", "fd00:99::1")


def test_a_strongswan_gateway_with_both_inside(both_internet, certificates):
    gateway = Charon(both_internet.gateway)
    gateway.serve(certificates / "vpngw.crt", certificates / "vpngw.key", identity="gw.example.org", ipv6="yes")
    client = road_warrior(both_internet.client, certificates)
    done = lotor.connect(client, "alice", "alicepass")
    assert done.code == 0, done
    assert "Bound to address 10.99.99.10\nBound to address fd00:99::10\n" in done.stdout
    assert carries(both_internet, both_internet.client, "10.99.99.10")
    assert carries6(both_internet, both_internet.client, "fd00:99::10")
    assert "10.99.99.10 fd00:99::10" in gateway.sessions()
