"""OpenIKED over IKEv2, in User Mode Linux, whose kernel carries its ESP: at lotor's gateway, and as its gateway."""

from __future__ import annotations

import pytest

from lab import lotor, openiked
from lab.dialling import carries, ping
from lab.ikev2 import KEY, person, serve
from lab.internet import GATEWAY, INSIDE_HOST
from lab.node import wait_until
from lab.openiked import LONG, join, serving, up

pytestmark = pytest.mark.usefixtures("uml")
SHORT = "ikelifetime 8 lifetime 5 bytes 1G"
WAYS = {
    "psk": ("my_auth psk; peers_auth psk;", "lifetime time 1 hour;"),
    "pubkey": ('peers_auth pubkey; ca_type x509 "ca.crt"; ike2_lifetime 8 sec;', "lifetime time 5 sec;"),
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
    assert wait_until(lambda: "session ended" in gateway.journal())
    assert wait_until(lambda: gateway.sessions() == [])


HURRY = "} timer { counter 4; interval 2 sec;"


def test_a_person_at_its_gateway_and_one_with_a_wrong_password(internet, alices):
    """It answers a wrong one with silence."""
    gateway = openiked.serve(internet.gateway, alices, serving('eap "mschap-v2"'))
    client = person(internet.client, alices, "eap mschapv2;", integrity="hmac_sha1")
    done = lotor.connect(client, "alice", "alicepass")
    assert done.code == 0, (done, gateway.log())
    (session,) = client.sessions()
    assert session["address"].startswith("10.99.99.")
    assert carries(internet, internet.client, session["address"])
    assert "10.99.99.1" in internet.client.path("/etc/resolv.conf").read_text()
    assert client.call("vd", GATEWAY).code == 0
    assert gateway.says("received delete")
    client.stop()
    client = person(internet.client, alices, f"eap mschapv2; {HURRY}", integrity="hmac_sha1")
    done = lotor.connect(client, "alice", "wrong")
    assert done.code == 10
    assert f"no answer from {GATEWAY} to the login of alice: it is gone, or silent at a wrong password" in done.stderr
    assert "'alice' authentication failed" in gateway.log()


def test_keys_and_certificates_at_its_gateway(internet, alices):
    """It renews the keys where the client came by a key, and the client does where it came by a certificate."""
    gateway = openiked.serve(internet.gateway, alices, serving(f'psk "{KEY}"', SHORT))

    def stays(more, **options):
        client = person(internet.client, alices, more, integrity="hmac_sha1", **options)
        done = client.call("vc", GATEWAY)
        assert done.code == 0, (done, gateway.log())
        (session,) = client.sessions()
        assert wait_until(lambda: "IKE SA renewed with" in client.journal(), 60), client.journal()
        assert wait_until(lambda: "SA pair 3 up" in client.journal(), 60), client.journal()
        (renewed,) = client.sessions()
        assert (renewed["session"], renewed["address"]) == (session["session"], session["address"])
        assert carries(internet, internet.client, session["address"])
        assert client.call("vd", GATEWAY).code == 0
        client.stop()

    stays('my_auth psk; peers_auth psk; my_identifier fqdn "alice";', keys=f"* {KEY}\n")
    gateway.load(serving())
    by_certificate = 'my_auth pubkey; certificate_type x509 "user.crt" "user.key";'
    stays(f"{by_certificate} ike2_lifetime 8 sec;", lifetime="5 sec")
