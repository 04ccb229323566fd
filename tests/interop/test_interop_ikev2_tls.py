"""Methods of EAP on TLS, without a RADIUS server: strongSwan at lotor's gateway, and lotor at strongSwan's."""

from __future__ import annotations

import pytest

from lab import pki
from lab.dialling import ping
from lab.ikev2 import join, serve
from lab.internet import INSIDE_HOST
from lab.node import LabError, wait_until

ALICE = "alice@example.org"
BY_TLS = 'eap tls, ttls; ca_type x509 "ca.crt";'


@pytest.fixture
def alices(authority, certificates, tmp_path):
    """The gateway's files, and a certificate of alice beside them."""
    for name in ("ca.crt", "vpngw.crt", "vpngw.key"):
        (tmp_path / name).write_bytes((certificates / name).read_bytes())
    pki.gateway(authority, ALICE, common_name="alice").save(tmp_path, "user")
    return tmp_path


def test_by_ttls_and_by_a_certificate(internet, alices):
    """bob's password only Argon2id knows. TLS 1.3 is off in strongSwan as it comes: 5.9.8 makes other keys of TTLS over
    it than RFC 9427 says, and crashes in EAP-TLS."""
    gateway = serve(internet, alices, BY_TLS)
    bob = join(internet.client, alices, user="bob", password="bobpass", eap="eap-ttls")
    assert "completed successfully" in bob.initiate()
    assert ping(internet.client, INSIDE_HOST)
    alice = join(internet.clients[1], alices, user=ALICE, eap="eap-tls")
    assert "completed successfully" in alice.initiate()
    assert ping(internet.clients[1], INSIDE_HOST)
    assert {each["user"] for each in gateway.sessions()} == {ALICE, "bob"}


def test_what_is_wrong_is_refused_and_said(internet, alices):
    gateway = serve(internet, alices, BY_TLS)

    def refused(**options):
        client = join(internet.client, alices, **options)
        with pytest.raises(LabError, match="EAP"):
            client.initiate(20)
        client.stop()
        assert wait_until(lambda: gateway.sessions() == [])

    refused(user="bob", password="wrong", eap="eap-ttls")
    assert "login of bob refused: wrong password" in gateway.journal()
    refused(user="bob", eap="eap-tls")
    assert "certificate" in gateway.journal().rpartition("login of bob refused")[2]
    pki.gateway(pki.authority("Other CA"), ALICE).save(alices, "user")
    refused(user=ALICE, eap="eap-tls")
    assert "Other CA" in gateway.journal()
