"""IPComp: two lotor compress where the client asks for it; strongSwan's ESP in user space cannot, and negotiates."""

import pytest

from lab import lotor
from lab.dialling import carries, ping, road_warrior, serve
from lab.internet import GATEWAY, INSIDE_HOST
from lab.node import wait_until
from lab.strongswan import Charon

OFFERED = "deflate; ipcomp on"


def compressions(program):
    return [child["compression"] for session in program.sessions() for child in session["children"]]


@pytest.mark.parametrize("at_the_gateway", ["accept", "off"])
def test_lotor_at_lotor(internet, certificates, at_the_gateway):
    gateway = serve(internet, certificates, compression_algorithm=f"deflate; ipcomp {at_the_gateway}")
    client = road_warrior(internet.client, certificates, compression_algorithm=OFFERED)
    assert lotor.connect(client, "alice", "alicepass").code == 0
    expected = ["deflate"] if at_the_gateway == "accept" else [""]
    assert compressions(client) == expected
    assert wait_until(lambda: compressions(gateway) == expected)
    assert wait_until(lambda: ping(internet.client, INSIDE_HOST, "-s", "1200", "-p", "00"))
    assert carries(internet, internet.client, "10.99.99.1")


def test_nobody_compresses_who_was_not_told_to(internet, certificates):
    serve(internet, certificates)
    client = road_warrior(internet.client, certificates)
    assert lotor.connect(client, "alice", "alicepass").code == 0
    assert compressions(client) == [""]


def test_lotor_at_strongswan(internet, certificates):
    """A gateway that does not compress takes the offer behind the bundle."""
    gateway = Charon(internet.gateway)
    gateway.serve(certificates / "vpngw.crt", certificates / "vpngw.key", identity="gw.example.org")
    client = road_warrior(internet.client, certificates, compression_algorithm=OFFERED)
    done = lotor.connect(client, "alice", "alicepass")
    assert done.code == 0, done
    assert compressions(client) == [""]
    assert wait_until(lambda: ping(internet.client, INSIDE_HOST))


def test_strongswan_reads_the_bundle(internet, certificates):
    """It takes ESP with IPComp, and then has no CPI from its engine."""
    gateway = Charon(internet.gateway)
    esp = "aes128-sha1\n        ipcomp = yes"
    gateway.serve(certificates / "vpngw.crt", certificates / "vpngw.key", identity="gw.example.org", esp=esp)
    client = road_warrior(internet.client, certificates, compression_algorithm=OFFERED)
    assert "NO_PROPOSAL_CHOSEN" in lotor.connect(client, "alice", "alicepass").stderr
    _, _, after = gateway.running.text().partition("selected proposal: ESP:AES_CBC_128/HMAC_SHA1_96")
    assert "unable to allocate a CPI from kernel" in after


def test_strongswan_at_lotor(internet, certificates):
    gateway = serve(internet, certificates)
    client = Charon(internet.client)
    told = {"identity": "CN=gateway", "user": "alice", "password": "alicepass", "proposals": "aes128-sha1-modp1024"}
    client.join(certificates / "ca.crt", GATEWAY, esp="aes128-sha1-modp1024\n        ipcomp = yes", **told)
    assert "completed successfully" in client.initiate()
    assert wait_until(lambda: compressions(gateway) == [""])
    assert wait_until(lambda: ping(internet.client, INSIDE_HOST))
