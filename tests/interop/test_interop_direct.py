"""Without a NAT in between: ESP travels as IP protocol 50, or in UDP where one end forces it."""

from __future__ import annotations

import pytest

from lab import lotor
from lab.dialling import carries, road_warrior, serve
from lab.internet import GATEWAY
from lab.node import wait_until


@pytest.mark.parametrize(
    ("gateways", "clients", "nat"),
    [("off", "off", "no NAT"), ("on", "on", "no NAT"), ("on", "force", "NAT before"), ("force", "on", "NAT before")],
)
def test_a_tunnel_without_a_nat(direct_internet, certificates, gateways, clients, nat):
    gateway = serve(direct_internet, certificates, nat_traversal=gateways)
    client = road_warrior(direct_internet.client, certificates, nat_traversal=clients)
    done = lotor.connect(client, "alice", "alicepass")
    assert done.code == 0, done
    assert carries(direct_internet, direct_internet.client, "10.99.99.1")
    (session,) = client.sessions()
    assert session["nat"].startswith(nat)
    assert session["outside"].endswith(":500" if nat == "no NAT" else ":4500")
    assert client.call("vd", GATEWAY).stdout == "VPN connection terminated\n"
    assert wait_until(lambda: gateway.sessions() == [])
