"""libreswan over IKEv2, in User Mode Linux, whose kernel carries its ESP: at lotor's gateway, and as its gateway."""

from __future__ import annotations

import pytest

from lab import libreswan
from lab.dialling import carries, ping
from lab.ikev2 import person, serve
from lab.internet import GATEWAY, INSIDE_HOST
from lab.libreswan import Libreswan
from lab.node import wait_until

pytestmark = pytest.mark.usefixtures("uml")
KEY = "a long shared key of the lab"
WAYS = {
    "psk": "my_auth psk; peers_auth psk; esn off;",
    "pubkey": 'peers_auth pubkey; ca_type x509 "ca.crt";',
}


@pytest.mark.parametrize("way", WAYS)
def test_it_comes_in_renews_its_keys_and_leaves(internet, alices, way):
    """It offers extended sequence numbers beside short ones: both ends have them, but with `esn off`.
    Its certificate comes in fragments of 532 octets."""
    numbers = [way == "pubkey"] * 2
    internet.gateway.write("/etc/racoon/psk.txt", f"alice {KEY}\n", 0o600)
    gateway = serve(internet, alices, WAYS[way])
    client = Libreswan(internet.client, way, alices, KEY)
    assert client.connect(), (client.started, client.log()[-3000:])
    assert client.address == "10.99.99.1"
    assert client.pings(INSIDE_HOST)
    assert ping(internet.inside, "10.99.99.1")
    assert client.extended() == numbers, "in the SAs that the pings went through"
    (session,) = gateway.sessions()
    assert (session["address"], session["ike"]) == ("10.99.99.1", 2)
    for what in ("--rekey-ipsec", "--rekey-ike"):
        told = client.control("--name", "ra", what)
        assert client.pings(INSIDE_HOST), (told, client.log()[-3000:])
        assert ping(internet.inside, "10.99.99.1")
        assert wait_until(lambda: client.extended() == numbers), client.extended()
    (renewed,) = gateway.sessions()
    assert renewed["session"] == session["session"]
    assert renewed["spis"] != session["spis"]
    client.control("--name", "ra", "--terminate")
    assert wait_until(lambda: gateway.sessions() == [])


def test_another_key_admits_nobody(internet, certificates):
    internet.gateway.write("/etc/racoon/psk.txt", f"alice {KEY}\n", 0o600)
    gateway = serve(internet, certificates, WAYS["psk"])
    client = Libreswan(internet.client, "psk", certificates, "another key than that of the lab")
    assert not client.connect()
    assert "AUTHENTICATION_FAILED" in client.log()
    assert wait_until(lambda: gateway.sessions() == [])
    assert not client.address


AT_ITS_GATEWAY = {
    'my_auth psk; peers_auth psk; my_identifier fqdn "alice"; esn off;': f"* {KEY}\n",
    'my_auth pubkey; certificate_type x509 "user.crt" "user.key";': "",
}


def test_keys_and_certificates_at_its_gateway(internet, alices):
    """It renews the keys. Both ends have ESN but where the client has not."""
    gateway = libreswan.serve(internet.gateway, alices, KEY)
    for more, keys in AT_ITS_GATEWAY.items():
        client = person(internet.client, alices, more, keys=keys)
        done = client.call("vc", GATEWAY)
        assert done.code == 0, (done, gateway.log()[-3000:])
        (session,) = client.sessions()
        assert session["address"] == "10.99.99.10"
        assert carries(internet, internet.client, "10.99.99.10")
        assert gateway.extended() == ["esn off" not in more] * 2
        name = "psk" if keys else "pubkey"
        for what in ("--rekey-ipsec", "--rekey-ike"):
            told = gateway.control("--name", name, what)
            assert ping(internet.client, INSIDE_HOST), (told, client.journal())
            assert ping(internet.inside, "10.99.99.10")
        client.running.expect("IKE SA renewed with")
        (renewed,) = client.sessions()
        assert renewed["session"] == session["session"]
        assert renewed["spis"] != session["spis"]
        assert "10.99.99.1" in internet.client.path("/etc/resolv.conf").read_text()
        assert client.call("vd", GATEWAY).code == 0
        client.stop()
