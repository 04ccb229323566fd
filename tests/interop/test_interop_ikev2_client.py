"""lotor's client over IKEv2, as a person uses it: at a gateway of strongSwan, and at one of lotor."""

from __future__ import annotations

import pytest

from lab import lotor, pki
from lab.dialling import carries, ping
from lab.ikev2 import person
from lab.ikev2 import serve as serve_lotor
from lab.internet import GATEWAY
from lab.node import wait_until
from lab.strongswan import Charon
from lab.strongswan_v2 import Gateway


@pytest.fixture(scope="session")
def alices(authority, tmp_path_factory, certificates):
    """The authority, the gateway's certificate, and one of alice beside them."""
    pki.user(authority, "alice").save(certificates, "user")
    return certificates


def serve(internet, certificates, **options):
    """A gateway of strongSwan."""
    charon = Charon(internet.gateway)
    charon.serve_v2(certificates / "vpngw.crt", certificates / "vpngw.key", Gateway(**options))
    return charon


WAYS = {
    "mschapv2": ({}, "eap mschapv2;"),
    "gtc": ({"eap": "gtc"}, "eap mschapv2, gtc;"),
    "certificate": ({"proof": "pubkey"}, 'my_auth pubkey; certificate_type x509 "user.crt" "user.key";'),
    "key": ({"proof": "psk", "user": "%any"}, 'my_auth psk; peers_auth psk; my_identifier fqdn "alice";'),
}


@pytest.mark.parametrize("way", WAYS)
def test_at_a_gateway_of_strongswan(internet, alices, way):
    options, more = WAYS[way]
    gateway = serve(internet, alices, **options)
    before = lotor.traces(internet.client)
    client = person(internet.client, alices, more, keys="* alicepass\n" if way == "key" else "")
    done = lotor.connect(client, "alice", "alicepass") if "eap" in more else client.call("vc", GATEWAY)
    assert done.code == 0, done
    assert "Bound to address 10.99.99.10" in done.stdout
    assert carries(internet, internet.client, "10.99.99.10")
    assert "10.99.99.1" in internet.client.path("/etc/resolv.conf").read_text()
    (session,) = client.sessions()
    assert (session["address"], session["ike"]) == ("10.99.99.10", 2)
    assert client.call("vd", GATEWAY).stdout == "VPN connection terminated\n"
    assert wait_until(lambda: "ESTABLISHED" not in gateway.sessions())
    noted = internet.client.path("/etc/noted").read_text().splitlines()
    assert noted == ["phase1_up 10.99.99.10 10.99.99.1", "phase1_down 10.99.99.10 10.99.99.1"]
    client.stop()
    assert lotor.traces(internet.client) == before


def test_at_a_gateway_of_lotor(internet, certificates):
    gateway = serve_lotor(internet, certificates)
    client = person(internet.client, certificates)
    done = lotor.connect(client, "alice", "alicepass")
    assert done.code == 0, done
    assert carries(internet, internet.client, "10.99.99.1")
    assert client.call("vd", GATEWAY).stdout == "VPN connection terminated\n"
    assert wait_until(lambda: gateway.sessions() == [])
    assert ping(internet.client, "192.0.2.1")
