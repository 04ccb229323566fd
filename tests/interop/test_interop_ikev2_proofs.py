"""strongSwan at lotor's gateway over IKEv2: certificates, good and bad, and what `lotor explain` says."""

from __future__ import annotations

import pytest

from lab import pki
from lab.dialling import ping
from lab.ikev2 import join, serve
from lab.internet import INSIDE_HOST
from lab.node import LabError, wait_until

BY_CERTIFICATE = 'peers_auth eap, pubkey; ca_type x509 "ca.crt";'


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
