"""libreswan at lotor's gateway over IKEv2, in User Mode Linux, whose kernel carries its ESP."""

from __future__ import annotations

import pytest

from lab.dialling import ping
from lab.ikev2 import serve
from lab.internet import INSIDE_HOST
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
    assert gateway.sessions() == []
    assert not client.address
