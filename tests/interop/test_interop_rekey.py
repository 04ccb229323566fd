"""Gateways that begin quick mode: a successor for an SA pair that the client did not renew, without a lost packet."""

from __future__ import annotations

from lab import lotor
from lab.dialling import road_warrior, serve
from lab.internet import GATEWAY, INSIDE_HOST
from lab.node import wait_until
from lab.pings import Pings
from lab.strongswan import Charon

HOWTO = {"proposals": "aes128-sha1-modp1024", "esp": "aes128-sha1-modp1024"}


def test_a_strongswan_gateway_renews_the_pair_of_a_lotor_client(internet, certificates):
    peer = Charon(internet.gateway)
    peer.serve(certificates / "vpngw.crt", certificates / "vpngw.key", identity="gw.example.org")
    client = road_warrior(internet.client, certificates)
    assert lotor.connect(client, "alice", "alicepass").code == 0
    flood = Pings(internet.client, INSIDE_HOST, 400)
    for turn in range(2, 5):
        peer.control("--rekey", "--child", "net")
        assert wait_until(lambda turn=turn: f"SA pair {turn} up" in client.journal()), client.journal()
    assert flood.lost() == []
    assert client.call("vd", "192.0.2.50").stdout == "VPN connection terminated\n"


def test_a_lotor_gateway_renews_what_a_strongswan_client_does_not(internet, certificates):
    gateway = serve(internet, certificates, lifetime="time 20 sec")
    peer = Charon(internet.client)
    peer.join(certificates / "ca.crt", GATEWAY, identity="CN=gateway", user="alice", password="alicepass", **HOWTO)
    assert "completed successfully" in peer.initiate()
    assert Pings(internet.client, INSIDE_HOST, 500).lost() == []
    journal = gateway.journal()
    assert "SA pair 2 up" in journal, journal
    assert [session["user"] for session in gateway.sessions()] == ["alice"]
