"""OpenIKED over IKEv2, in User Mode Linux, whose kernel carries its ESP: at lotor's gateway, and as its gateway."""

from __future__ import annotations

import pytest

from lab.dialling import ping
from lab.ikev2 import KEY, serve
from lab.internet import INSIDE_HOST
from lab.node import wait_until
from lab.openiked import LONG, join, up

pytestmark = pytest.mark.usefixtures("uml")
SHORT = "ikelifetime 10 lifetime 6 bytes 1G"
WAYS = {
    "psk": ("my_auth psk; peers_auth psk;", "lifetime time 1 hour;"),
    "pubkey": ('peers_auth pubkey; ca_type x509 "ca.crt"; ike2_lifetime 10 sec;', "lifetime time 6 sec;"),
}


@pytest.mark.parametrize("way", WAYS)
def test_it_comes_in_renews_its_keys_and_leaves(internet, alices, way):
    """It renews them by itself where it came by a key, and the gateway does where it came by a certificate."""
    more, sainfo = WAYS[way]
    gateway = serve(internet, alices, more, sainfo=sainfo)
    client = join(internet.client, alices, key=KEY if way == "psk" else "", lifetimes=SHORT if way == "psk" else LONG)
    address = up(client)
    assert address == "10.99.99.1", (client.log()[-3000:], gateway.journal()[-2000:])
    assert client.pings(INSIDE_HOST)
    assert ping(internet.inside, address)
    (session,) = gateway.sessions()
    assert wait_until(lambda: "IKE SA renewed with" in gateway.journal(), 60), gateway.journal()
    assert wait_until(lambda: "SA pair 3 up" in gateway.journal(), 60), gateway.journal()
    assert client.pings(INSIDE_HOST)
    assert ping(internet.inside, address)
    (renewed,) = gateway.sessions()
    assert renewed["session"] == session["session"]
    assert renewed["spis"] != session["spis"]
    client.control("reset", "sa")
    assert wait_until(lambda: gateway.sessions() == [])
