"""strongSwan at lotor's gateway over IKEv2: certificates and keys, good and bad, and what `lotor explain` says."""

from __future__ import annotations

import pytest

from lab import pki
from lab.dialling import ping
from lab.ikev2 import KEY, join, person, serve
from lab.internet import GATEWAY, INSIDE_HOST
from lab.node import LabError, wait_until

BY_CERTIFICATE = 'peers_auth eap, pubkey; ca_type x509 "ca.crt";'
BY_KEY = "my_auth psk; peers_auth psk;"


def told(gateway, subject):
    """The newest attempt of a user or an address, once its end is known."""
    assert wait_until(lambda: gateway.call("explain", subject).code == 0)
    assert wait_until(lambda: gateway.attempt(subject)["cause"])
    return gateway.attempt(subject)


def test_certificates_good_and_of_another_authority(internet, alices):
    gateway = serve(internet, alices, BY_CERTIFICATE)
    client = join(internet.client, alices, proof="pubkey")
    assert "completed successfully" in client.initiate()
    assert ping(internet.client, INSIDE_HOST)
    (session,) = gateway.sessions()
    assert session["address"] == "10.99.99.1"
    client.terminate()
    assert wait_until(lambda: gateway.sessions() == [])
    client.stop()

    pki.user(pki.authority("Other CA"), "alice").save(alices, "user")
    other = join(internet.clients[1], alices, proof="pubkey")
    with pytest.raises(LabError, match=r"AUTHENTICATION_FAILED|AUTH_FAILED"):
        other.initiate(20)
    assert wait_until(lambda: gateway.sessions() == [])
    attempt = told(gateway, "192.0.2.1")
    assert attempt["state"] == "failed"
    assert "CERTIFICATE" in attempt["cause"]


def test_keys_good_and_wrong_and_networks_that_are_not_inside(internet, certificates):
    """The same at the same gateway by a client of lotor."""
    gateway = serve(internet, certificates, BY_KEY, "split_network include 203.0.113.0/24;")
    first, second = internet.clients
    client = join(first, certificates, proof="psk", password=KEY)
    assert "completed successfully" in client.initiate()
    assert "203.0.113.0/24" in client.sessions()
    assert ping(first, INSIDE_HOST)
    assert [each["address"] for each in gateway.sessions()] == ["10.99.99.1"]

    other = join(second, certificates, proof="psk", password="some-other-key-of-the-lab")
    with pytest.raises(LabError, match="AUTHENTICATION_FAILED"):
        other.initiate(20)
    attempt = told(gateway, "192.0.2.1")
    assert (attempt["kind"], attempt["program"]) == ("psk-differs", "strongSwan")
    assert "write the same key for this peer" in attempt["fix"]
    other.stop()
    other = join(second, certificates, proof="psk", password=KEY, networks="10.1.0.0/16")
    with pytest.raises(LabError, match="TS_UNACCEPT"):
        other.initiate(20)
    gateway.running.expect("an SA pair for 10.1.0.0-10.1.255.255 and")
    other.stop()

    ours = person(second, certificates, f'{BY_KEY} my_identifier fqdn "alice";', keys=f"192.0.2.50 {KEY}\n")
    done = ours.call("vc", GATEWAY)
    assert done.code == 0, done
    assert ping(second, INSIDE_HOST)
    assert ours.call("vd", GATEWAY).code == 0


def test_a_gateway_of_another_authority_is_told_by_the_client(internet, alices, tmp_path):
    gateway = serve(internet, alices)
    trust = tmp_path / "trust"
    pki.authority("Other CA").save(trust, "ca")
    client = join(internet.client, trust)
    with pytest.raises(LabError):
        client.initiate(20)
    assert wait_until(lambda: gateway.sessions() == [])
    attempt = told(gateway, "192.0.2.1")
    assert attempt["state"] == "failed"
