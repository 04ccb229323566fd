"""Split tunnels and names: only the inside networks go through the tunnel, with every client."""

from __future__ import annotations

import pytest

from lab import lotor
from lab.dialling import dialled, ping, road_warrior, serve
from lab.internet import GATEWAY, INSIDE_HOST
from lab.node import wait_until
from lab.strongswan import Charon

SPLIT = (
    "10.0.12.1; split_network include 203.0.113.0/24, 10.0.12.0/24; "
    'default_domain "example.org"; split_dns "example.org", "lab.example.org"'
)


@pytest.fixture
def split_gateway(internet, certificates):
    return serve(internet, certificates, wins4=SPLIT)


def test_a_lotor_client_routes_only_the_inside_and_comes_by_name(internet, certificates, split_gateway):
    hosts = internet.client.path("/etc/hosts")
    internet.client.write("/etc/hosts", (hosts.read_text() if hosts.exists() else "") + f"{GATEWAY} vpn.example.org\n")
    client = road_warrior(internet.client, certificates)
    done = lotor.connect(client, "alice", "alicepass", GATEWAY)
    assert done.code == 0, done
    assert ping(internet.client, INSIDE_HOST)
    routes = internet.client.run("ip", "route", "get", INSIDE_HOST).stdout
    assert "lotor0" in routes
    assert "lotor0" not in internet.client.run("ip", "route", "get", "198.51.100.77", check=False).stdout
    assert "example.org" in internet.client.path("/etc/resolv.conf").read_text()
    assert client.call("vd", "vpn.example.org").stdout == "VPN connection terminated\n"
    assert wait_until(lambda: split_gateway.sessions() == [])


def test_vpnc_takes_the_split_networks(internet, certificates, split_gateway):
    vpnc = dialled(internet.client, certificates)
    told = str(vpnc.environment())
    assert "203.0.113.0" in told
    assert "10.0.12.0" in told
    assert "example.org,lab.example.org" in told
    assert ping(internet.client, INSIDE_HOST)


def test_strongswan_with_unity_narrows_to_the_split_network(internet, certificates, split_gateway):
    client = Charon(internet.client, unity=True)
    client.join_as_alice(certificates / "ca.crt")
    assert "completed successfully" in client.initiate()
    assert ping(internet.client, INSIDE_HOST)
    assert "203.0.113.0/24" in client.sessions()
