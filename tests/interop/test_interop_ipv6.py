"""IPv6 inside and outside the tunnel, with lotor and with strongSwan."""

from __future__ import annotations

import pytest

from lab import lotor
from lab.dialling import carries, carries6, serve
from lab.internet import GATEWAY, GATEWAY6
from lab.node import wait_until
from lab.strongswan import Charon

NAME = "gw.example.org"
POOL6 = "10.99.99.1; network6 fd00:99::1; dns6 fd00:113::53"
"""What the HOW-TO's gateway has for network4, with IPv6 beside it."""
SUITES = {"proposals": "aes128-sha1-modp1024", "esp": "aes128-sha1-modp1024"}


def road_warrior(net, certificates, outside, **changes):
    """The HOW-TO's client of a gateway at another address, its daemon running."""
    program = lotor.client(net.client, certificates)
    program.configure(lotor.howto("client", **changes).replace(GATEWAY, outside))
    program.start("-d")
    return program


@pytest.mark.parametrize(
    ("outside", "typed", "traversal", "port"),
    [(GATEWAY, GATEWAY, "force", 4500), (GATEWAY6, GATEWAY6, "force", 4500), (GATEWAY6, NAME, "on", 500)],
    ids=["by IPv4", "by IPv6", "by name and IPv6 without UDP"],
)
def test_both_inside_and_no_trace_of_it(both_internet, certificates, outside, typed, traversal, port):
    gateway = serve(both_internet, certificates, network4=POOL6, nat_traversal=traversal)
    both_internet.client.write("/etc/hosts", f"127.0.0.1 localhost\n{GATEWAY6} {NAME}\n")
    before = lotor.traces(both_internet.client)
    client = road_warrior(both_internet, certificates, outside, nat_traversal=traversal)
    done = lotor.connect(client, "alice", "alicepass", typed)
    assert done.code == 0, done
    assert done.stdout.startswith("Bound to address 10.99.99.1\nBound to address fd00:99::1\n")
    assert carries(both_internet, both_internet.client, "10.99.99.1")
    assert carries6(both_internet, both_internet.client, "fd00:99::1")
    assert "nameserver fd00:113::53" in both_internet.client.path("/etc/resolv.conf").read_text()
    (session,) = gateway.sessions()
    assert (session["address"], session["address6"]) == ("10.99.99.1", "fd00:99::1")
    assert outside == GATEWAY or session["outside"] == f"[2001:db8:1::10]:{port}"
    assert "fd00:99::1" in client.call("status").stdout
    assert client.call("vd", typed).stdout == "VPN connection terminated\n"
    assert wait_until(lambda: gateway.sessions() == [])
    assert client.stop() == 0
    assert lotor.traces(both_internet.client) == before


@pytest.mark.parametrize("outside", [GATEWAY, GATEWAY6])
def test_a_strongswan_client_with_both_inside(both_internet, certificates, outside):
    gateway = serve(both_internet, certificates, network4=POOL6)
    client = Charon(both_internet.client)
    who = {"identity": "CN=gateway", "user": "alice", "password": "alicepass"}
    client.join(certificates / "ca.crt", outside, **who, **SUITES, ipv6="yes")
    assert "completed successfully" in client.initiate()
    assert "completed successfully" in client.initiate(child="net6")
    assert "fd00:99::1/128" in both_internet.client.run("ip", "-br", "address").stdout
    assert carries(both_internet, both_internet.client, "10.99.99.1")
    assert carries6(both_internet, both_internet.client, "fd00:99::1")
    (session,) = gateway.sessions()
    assert (session["address"], session["address6"]) == ("10.99.99.1", "fd00:99::1")


@pytest.mark.parametrize("outside", [GATEWAY, GATEWAY6])
def test_a_strongswan_gateway_with_both_inside(both_internet, certificates, outside):
    gateway = Charon(both_internet.gateway)
    files = (certificates / "vpngw.crt", certificates / "vpngw.key")
    gateway.serve(*files, identity=NAME, ipv6="yes", address=outside)
    client = road_warrior(both_internet, certificates, outside)
    done = lotor.connect(client, "alice", "alicepass", outside)
    assert done.code == 0, done
    assert "Bound to address 10.99.99.10\nBound to address fd00:99::10\n" in done.stdout
    assert carries(both_internet, both_internet.client, "10.99.99.10")
    assert carries6(both_internet, both_internet.client, "fd00:99::10")
    assert "10.99.99.10 fd00:99::10" in gateway.sessions()
